import { type NitroPolicy, parsePolicy } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';

export type ParsedPolicy = NitroPolicy;

/** A policy with some rules answered otherwise. */
export function policyWith(rules: JsonValue, changes: Readonly<Record<string, JsonValue>>): ParsedPolicy {
  return parsePolicy({ ...(rules as Readonly<Record<string, JsonValue>>), ...changes });
}
