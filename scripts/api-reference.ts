/** A JSON object of an OpenAPI document. */
type Json = Readonly<Record<string, unknown>>;

const HEADING = `# Reference of the management API

Made by \`npm run docs:api\` from the description that a running Metertap serves at \`/api/v1/openapi.json\` (OpenAPI 3.1). What the
members mean, and why: [management-api.md](management-api.md).
`;

/** Writes the reference page of an OpenAPI document as Markdown: a chapter for each tag, then the shapes. */
export function apiReference(document: Json): string {
  const operations = operationsOf(document);
  const tags = listOf(document['tags']).map((tag) => String(objectOf(tag)['name']));
  const chapters = tags.map((tag) => {
    const own = operations.filter(({ operation }) => listOf(operation['tags']).includes(tag));
    const described = own.map(({ route, operation }) => describeOperation(route, operation));
    return `## ${tag}\n\n${described.join('\n')}`;
  });
  return `${[HEADING, ...chapters, describeShapes(document)].join('\n').trimEnd()}\n`;
}

function operationsOf(document: Json): { readonly route: string; readonly operation: Json }[] {
  return Object.entries(objectOf(document['paths'])).flatMap(([path, methods]) =>
    Object.entries(objectOf(methods)).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation: objectOf(operation),
    })),
  );
}

function describeOperation(route: string, operation: Json): string {
  const sentences = [`${textOf(operation['summary'])}.`, textOf(operation['description'])].filter(
    (text) => text !== '',
  );
  const parameters = listOf(operation['parameters']).map(objectOf);
  const body = mediaOf(operation['requestBody'])[0];
  return [
    `### \`${route}\`\n`,
    `${sentences.join(' ')}\n`,
    ...(parameters.length === 0 ? [] : [`${table(['parameter', 'type', ''], parameters.map(parameterRow))}\n`]),
    ...(body === undefined ? [] : [`Body: ${typeText(body.schema)}\n\n${exampleText(body)}\n`]),
    `${answersText(operation)}\n`,
  ].join('\n');
}

function parameterRow(parameter: Json): string[] {
  const place = parameter['in'] === 'path' ? ' (path)' : '';
  const required = parameter['required'] === true && place === '' ? 'required. ' : '';
  return [
    `\`${textOf(parameter['name'])}\`${place}`,
    typeText(objectOf(parameter['schema'])),
    required + textOf(parameter['description']),
  ];
}

function answersText(operation: Json): string {
  const answers = Object.entries(objectOf(operation['responses'])).map(([status, answer]) => ({
    status,
    answer: objectOf(answer),
  }));
  const good = answers.filter(({ answer }) => !isRefusal(answer));
  const refusals = answers.filter(({ answer }) => isRefusal(answer));
  const lines = good.map(({ status, answer }) => {
    const media = mediaOf(answer);
    const shapes = media.map(({ type, schema }) => (type === 'application/json' ? typeText(schema) : `\`${type}\``));
    return `- ${status}: ${[textOf(answer['description']), shapes.join(' or ')].filter((text) => text !== '').join(' ')}`;
  });
  const refused = refusals.map(({ status, answer }) => `${status} ${textOf(answer['description'])}`);
  return [...lines, ...(refused.length === 0 ? [] : [`- Refusals: ${refused.join('; ')}`])].join('\n');
}

function isRefusal(answer: Json): boolean {
  return mediaOf(answer).some(({ schema }) => schema['$ref'] === '#/components/schemas/Error');
}

function describeShapes(document: Json): string {
  const shapes = Object.entries(objectOf(objectOf(document['components'])['schemas'])).map(([name, shape]) => {
    const schema = objectOf(shape);
    const description = textOf(schema['description']);
    return `### ${name}\n\n${description === '' ? '' : `${description}\n\n`}${membersTable(schema)}\n`;
  });
  return `## Shapes\n\nMembers with a question mark may be absent.\n\n${shapes.join('\n')}`;
}

function membersTable(schema: Json): string {
  const required = listOf(schema['required']);
  const rows = Object.entries(objectOf(schema['properties'])).map(([name, member]) => [
    `\`${name}\`${required.includes(name) ? '' : '?'}`,
    typeText(objectOf(member)),
    textOf(objectOf(member)['description']),
  ]);
  return table(['member', 'type', ''], rows);
}

/** A schema in a few words. */
function typeText(schema: Json): string {
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.replace('#/components/schemas/', '');
    return `[${name}](#${name.toLowerCase()})`;
  }
  const alternatives = listOf(schema['anyOf']);
  if (alternatives.length > 0) return alternatives.map((alternative) => typeText(objectOf(alternative))).join(' or ');
  const words = listOf(schema['enum']);
  if (words.length > 0) return words.map((word) => `\`${String(word)}\``).join(', ');
  if ('const' in schema) return `\`${String(schema['const'])}\``;
  return plainTypeText(schema);
}

function plainTypeText(schema: Json): string {
  switch (schema['type']) {
    case 'array':
      return `list of ${typeText(objectOf(schema['items']))}`;
    case 'object':
      return objectText(schema);
    case 'integer':
      return `integer${boundsText(schema)}`;
    case 'string':
      return schema['format'] === 'date-time' ? 'time' : 'string';
    case undefined:
      return 'anything';
    default:
      return String(schema['type']);
  }
}

function objectText(schema: Json): string {
  const properties = objectOf(schema['properties']);
  const members = Object.keys(properties);
  if (members.join() === 'data,next_cursor') return `page: ${typeText(objectOf(properties['data']))}`;
  return members.length === 0 ? 'object' : `object of ${members.map((name) => `\`${name}\``).join(', ')}`;
}

function boundsText({ minimum, maximum, default: fallback }: Json): string {
  const bounds = maximum === undefined ? '' : `, ${String(minimum)} to ${String(maximum)}`;
  return fallback === undefined ? bounds : `${bounds}, by default ${String(fallback)}`;
}

function exampleText({ example }: { readonly example: unknown }): string {
  return `\`\`\`json\n${JSON.stringify(example, null, 2)}\n\`\`\``;
}

interface Media {
  readonly type: string;
  readonly schema: Json;
  readonly example: unknown;
}

function mediaOf(value: unknown): Media[] {
  return Object.entries(objectOf(objectOf(value)['content'])).map(([type, media]) => ({
    type,
    schema: objectOf(objectOf(media)['schema']),
    example: objectOf(media)['example'],
  }));
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [titles, titles.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`).join('\n');
}

function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
