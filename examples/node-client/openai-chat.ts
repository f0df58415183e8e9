import OpenAI from 'openai';
import { createAttestedFetch } from 'proofmark/client';
import { readSettings } from './settings.ts';

const { url, policy, modelId, more } = readSettings();

// These two lines are all that changes in a program that speaks to OpenAI's API already.
const fetch = createAttestedFetch(url, { policy, models: { assistant: modelId } });
const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'unused', fetch });

const stream = await openai.chat.completions.create({
  model: 'assistant',
  messages: [{ role: 'user', content: more.join(' ') || 'What is 457 + 268?' }],
  max_tokens: 64,
  temperature: 0,
  stream: true,
});
// Pieces are provisional. A stream whose proof does not hold breaks off with an error instead of ending.
let text = '';
for await (const { choices } of stream) text += choices[0]?.delta.content ?? '';
console.log(JSON.stringify(text));
console.log('the stream ended, so all of it was proven');
