import { type NamedAuditor, nodeTransport } from '../../client/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { UsageError } from '../exit-codes.ts';

/** `URL=KEY` of an option: where an auditor is reached, and whom its word is held against. */
export function auditorAt(word: string, option: string, timeoutMs: number): NamedAuditor {
  const [, url = '', key = ''] = /^(.+)=([0-9a-f]{128})$/.exec(word) ?? [];
  if (!URL.canParse(url)) throw new UsageError(`${option} ${word} is not URL=KEY, with 128 hex digits`);
  return { key: fromHex(key, 64), host: nodeTransport({ url, timeoutMs }) };
}
