import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import type { OpenApiDocument } from '../../src/server/operations/openapi-document.ts';
import { asRecord } from './start-proxy.ts';

/** One operation of an OpenAPI document. */
export interface DescribedOperation {
  /** `GET /api/v1/runs/{run_id}` */
  readonly route: string;
  readonly operation: Record<string, unknown>;
}

/** All operations of a document, in its order. */
export function operationsOf(document: OpenApiDocument): DescribedOperation[] {
  return Object.entries(asRecord(document['paths'])).flatMap(([path, methods]) =>
    Object.entries(asRecord(methods)).map(([method, operation]) => ({
      route: `${method.toUpperCase()} ${path}`,
      operation: asRecord(operation),
    })),
  );
}

/**
 * Checks values against the schemas of a document.
 *
 * @param strict whether members that the document does not name are faults: for what Metertap answers, so that nothing
 *   is left undescribed. Clients are not told to be so strict.
 */
export function schemaChecker(document: OpenApiDocument, { strict }: { readonly strict: boolean }) {
  // Formats are checked, and patterns; words that a validator does not know are faults of the document.
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true });
  addFormats.default(ajv);
  for (const word of ['example', 'components', 'openapi']) ajv.addKeyword(word);
  const root = asRecord(strict ? closed(document) : document);
  const schemas = asRecord(asRecord(root['components'])['schemas']);
  ajv.addSchema({ $id: 'doc:api', components: { schemas } });
  return (schema: unknown, value: unknown): string[] => {
    const resolved = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"doc:api#/components/'));
    const check = ajv.compile(strict ? asRecord(closed(resolved)) : resolved);
    if (check(value)) return [];
    return (check.errors ?? []).map(
      ({ instancePath, message, params }) => `${instancePath}: ${message} ${JSON.stringify(params)}`,
    );
  };
}

/** The same schema, where objects with named members have no others unless they say so. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([name, member]) => [name, closed(member)]));
  const isOpen = members['type'] !== 'object' || !('properties' in members) || 'additionalProperties' in members;
  return isOpen ? members : { ...members, additionalProperties: false };
}
