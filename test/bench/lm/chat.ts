import { Agent, request } from 'node:http';

/** A streamed chat over HTTP, as the client that costs least: it reads events and nothing else. */
export interface Chat {
  readonly content: string;
  readonly maxTokens: number;
}

export interface ChatAnswer {
  /** What the worker counted. */
  readonly tokens: number;
  readonly text: string;
  readonly receipted: boolean;
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

export async function streamChat(url: string, model: string, { content, maxTokens }: Chat): Promise<ChatAnswer> {
  const body = JSON.stringify({
    model,
    messages: [{ role: 'user', content }],
    ...{ max_tokens: maxTokens, temperature: 0, stream: true, stream_options: { include_usage: true } },
  });
  const events = await post(`${url}/v1/chat/completions`, body);
  let tokens = 0;
  let text = '';
  let receipted = false;
  for (const event of events) {
    if (event === '[DONE]') continue;
    const { choices, usage, proofmark } = JSON.parse(event) as {
      readonly choices?: readonly { readonly delta?: { readonly content?: string } }[];
      readonly usage?: { readonly completion_tokens: number } | null;
      readonly proofmark?: object;
    };
    text += choices?.[0]?.delta?.content ?? '';
    tokens = usage?.completion_tokens ?? tokens;
    receipted ||= proofmark !== undefined;
  }
  return { tokens, text, receipted: receipted && events.at(-1) === '[DONE]' };
}

/** Data of all events. They are read when the last one is there, which costs the client least. */
function post(url: string, body: string): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const sending = request(url, { agent, method: 'POST', headers }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
      incoming.on('error', reject);
      incoming.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        if (incoming.statusCode !== 200) reject(new Error(`HTTP ${incoming.statusCode}: ${text.slice(0, 200)}`));
        else resolve(text.split('\n\n').flatMap((part) => (part.startsWith('data: ') ? [part.slice(6)] : [])));
      });
    });
    sending.on('error', reject);
    sending.end(body);
  });
}
