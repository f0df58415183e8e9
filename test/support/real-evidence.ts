import { existsSync, readFileSync } from 'node:fs';
import { anchors, type NitroPolicy, parsePolicy } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { policyJson } from './nitro-evidence.ts';

/** Real documents lie beside the repository, never in it: a test that wants them skips without them. */
const folder = new URL('../../../shared/vectors/', import.meta.url);

export const hasRealEvidence: boolean = existsSync(new URL('cases.json', folder));

export interface RealCase {
  readonly id: string;
  readonly tee: string;
  readonly file: string;
  readonly at: string;
  readonly expect: string;
}

export interface RealSnpCase {
  readonly id: string;
  readonly file: string;
  readonly leaf: string;
  readonly ca: string;
  readonly encoding?: 'hex';
  readonly at?: string;
  readonly expect: string;
}

export function realSnpCases(): readonly RealSnpCase[] {
  if (!hasRealEvidence) return [];
  const cases = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as (RealSnpCase & RealCase)[];
  return cases.filter(({ tee }) => tee === 'sev-snp');
}

export function realNitroCases(): readonly RealCase[] {
  if (!hasRealEvidence) return [];
  const cases = JSON.parse(readFileSync(new URL('cases.json', folder), 'utf8')) as readonly RealCase[];
  return cases.filter(({ tee }) => tee === 'nitro');
}

export function realBytes(file: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(file, folder)));
}

/** A hardware policy that asks nothing about the image, since the images are other people's. */
export function hardwarePolicy(changes: { readonly [rule: string]: JsonValue } = {}): NitroPolicy {
  return parsePolicy(
    policyJson({
      level: 'attested',
      roots: anchors.filter(({ tee }) => tee === 'aws-nitro').map(({ sha256 }) => sha256),
      images: 'any',
      pcrs: { '3': 'any', '4': 'any', '8': 'any' },
      maxAgeSeconds: 'any',
      regions: 'any',
      ...changes,
    }),
  );
}
