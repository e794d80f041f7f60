import { describe, expect, it } from 'vitest';
import { eventData, startSimulator } from './start-simulator.ts';

async function upload(path: string, fields: Record<string, string>, bytes = 640) {
  const { simulator } = await startSimulator();
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', new Blob([new Uint8Array(bytes)]), 'audio.wav');
  const headers = { authorization: 'Bearer x' };
  return fetch(`${simulator.baseUrl}/${path}`, { method: 'POST', headers, body: form });
}

describe('uploads', () => {
  it.each([
    [{ response_format: 'verbose_json' }, { usage: { type: 'duration', seconds: 1 } }],
    [{ response_format: 'json' }, { usage: { type: 'tokens', input_tokens: 10, output_tokens: 5 } }],
  ])('transcription %j', async (fields, expected) => {
    const answer = await upload('audio/transcriptions', { model: 'gpt-4o-transcribe', ...fields });
    expect(await answer.json()).toMatchObject(expected);
  });

  it('transcription as text has no usage', async () => {
    const answer = await upload('audio/transcriptions', { model: 'whisper-1', response_format: 'text' });
    expect(answer.headers.get('content-type')).toContain('text/plain');
    expect(await answer.text()).toBe('Hello from the simulator.\n');
  });

  it('translation', async () => {
    const answer = await upload('audio/translations', { model: 'whisper-1' });
    expect(await answer.json()).toEqual({ text: 'Hello from the simulator.' });
  });

  it('an image edit counts the images given', async () => {
    const answer = await upload('images/edits', { model: 'gpt-image-1', prompt: 'make it red' });
    expect(await answer.json()).toMatchObject({
      usage: { input_tokens: 275, input_tokens_details: { image_tokens: 272, text_tokens: 3 } },
    });
  });

  it('a field that is missing, a form that is broken', async () => {
    const missing = await upload('audio/transcriptions', {});
    expect(await missing.json()).toMatchObject({ error: { param: 'model' } });
    const { post } = await startSimulator();
    const broken = await post('files', '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nno end', {
      'content-type': 'multipart/form-data; boundary=x',
    });
    expect(broken.status).toBe(400);
  });
});

describe('the rest', () => {
  it('speech as events ends with usage', async () => {
    const { post } = await startSimulator();
    const body = { model: 'tts-1', voice: 'alloy', input: 'Hello', stream_format: 'sse' };
    const events = eventData(await (await post('audio/speech', body)).text());
    expect(events.at(-1)).toEqual({
      type: 'speech.audio.done',
      usage: { input_tokens: 2, output_tokens: 5, total_tokens: 7 },
    });
  });

  it('a decision has usage and no id', async () => {
    const { post } = await startSimulator();
    const answer = await (await post('decisions', { model: 'gpt-5-mini', input: 'yes?' })).json();
    expect(answer).toMatchObject({ usage: { input_tokens: 4, output_tokens: 1, total_tokens: 5 } });
    expect(answer).not.toHaveProperty('id');
  });

  it('embeddings take token ids', async () => {
    const { post } = await startSimulator();
    const answer = await post('embeddings', { model: 'text-embedding-3-small', input: [[1, 2, 3], [4]] });
    expect(await answer.json()).toMatchObject({ usage: { prompt_tokens: 4, total_tokens: 4 } });
  });
});
