import { deepStrictEqual } from 'node:assert/strict';
import { utf8 } from '../../../wire/bytes.ts';
import { canonicalJson, type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { WireError } from '../../../wire/errors.ts';

const MAX = 65_536;

/** We accept less than `JSON.parse`, never something else, and call malformed only what it calls malformed. */
export function fuzz(data: Uint8Array): void {
  try {
    const value = parseJson(data, MAX);
    deepStrictEqual(value, platformParse(data)?.value);
    const canonical = canonicalJson(value);
    deepStrictEqual(canonicalJson(JSON.parse(new TextDecoder().decode(canonical)) as JsonValue), canonical);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    if (error.code === 'json_malformed') deepStrictEqual(platformParse(data), undefined);
  }
}

function platformParse(data: Uint8Array): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { ignoreBOM: true }).decode(data)) };
  } catch {
    return undefined;
  }
}

export const seeds: readonly Uint8Array[] = [
  '',
  '{"a":[1,-2.5e3,"\\u00e9水",true,false,null],"b":{"c":[]}}',
  '[-0,0.1,1e-7,9007199254740991,"\\ud83d\\ude00\\n\\/"]',
  '{"__proto__":{"x":1},"":[[[[]]]]}',
  '{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1.5,2]}]}',
].map(utf8);
