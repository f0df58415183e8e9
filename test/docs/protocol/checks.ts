import { readdirSync, readFileSync } from 'node:fs';
import ts from 'typescript';
import { dateChecks } from '../../../verifier/archive/dates.ts';
import { orderChecks } from '../../../verifier/archive/order.ts';
import { codeMeanings } from '../../../verifier/errors.ts';
import { nitroChecks } from '../../../verifier/nitro/verify.ts';
import { commitmentChecks } from '../../../verifier/receipt/commitment.ts';
import { receiptChecks } from '../../../verifier/receipt/verify.ts';
import { statusChecks } from '../../../verifier/release/status.ts';
import { releaseChecks } from '../../../verifier/release/verify.ts';
import type { CheckName } from '../../../verifier/rules.ts';
import { snpChecks } from '../../../verifier/snp/verify.ts';
import {
  admissionRules,
  nitroBindingRules,
  snpBindingRules,
  snpFreshnessRules,
} from '../../../verifier/worker/rules.ts';
import { code, table } from '../markers.ts';
import { parse, visit } from '../source.ts';

const VECTORS: URL = new URL('../../../attestations/vectors/evidence/', import.meta.url);

/** Codes by the id of the check alone, or by id and title where one id stands for two rules. */
type CodesOf = Map<string, Set<string>>;

/** Which codes a check gives: those that rules name beside their id, and those that a vector expects of it. */
function codesByCheck(): CodesOf {
  const found: CodesOf = new Map();
  for (const path of RULE_FILES) noteRules(path, found);
  for (const folder of ['nitro', 'snp']) noteVectors(folder, found);
  return found;
}

function note(found: CodesOf, key: string, codeName: string): void {
  found.set(key, (found.get(key) ?? new Set()).add(codeName));
}

const RULE_FILES = [
  'verifier/worker/rules.ts',
  'verifier/receipt/rules.ts',
  'verifier/receipt/commitment.ts',
  'verifier/release/verify.ts',
  'verifier/release/status.ts',
];

const KNOWN_CODES: ReadonlySet<string> = new Set(Object.values(codeMeanings).flatMap((group) => Object.keys(group)));

/** A rule is an object with an id, a title and what it runs; every code in the text of that is its own. */
function noteRules(path: string, found: CodesOf): void {
  visit(parse(path), (node) => {
    if (!ts.isObjectLiteralExpression(node)) return;
    const member = (name: string): ts.Expression | undefined =>
      node.properties.filter(ts.isPropertyAssignment).find((property) => property.name.getText() === name)?.initializer;
    const [id, title, run] = [member('id'), member('title'), member('run')];
    if (id === undefined || title === undefined || run === undefined) return;
    if (!ts.isStringLiteral(id) || !ts.isStringLiteral(title)) return;
    visit(run, (inner) => {
      if (ts.isStringLiteral(inner) && KNOWN_CODES.has(inner.text)) note(found, id.text + title.text, inner.text);
    });
  });
}

interface VectorCase {
  readonly expect?: { readonly code: string | null; readonly check: string | null };
}

function noteVectors(folder: string, found: CodesOf): void {
  for (const name of readdirSync(new URL(`${folder}/`, VECTORS)).filter((file) => file.endsWith('.json'))) {
    const cases = JSON.parse(readFileSync(new URL(`${folder}/${name}`, VECTORS), 'utf8')) as unknown;
    if (!Array.isArray(cases)) continue;
    for (const { expect } of cases as readonly VectorCase[]) {
      if (typeof expect?.code === 'string' && typeof expect.check === 'string') note(found, expect.check, expect.code);
    }
  }
}

/** The two of the archive whose codes its own steps name. */
const ARCHIVE_CODES: Readonly<Record<string, readonly string[]>> = {
  D0: ['cosignature_invalid'],
  D1: ['anchor_mismatch'],
  D2: ['anchor_signature'],
  D3: ['anchor_signature'],
  D4: ['anchor_before_document'],
  D5: ['key_too_old'],
};

/** What the first check of each part gives, where a parser throws. */
const PARSING_CODES: Readonly<Record<string, readonly string[]>> = {
  R0: ['receipt_invalid', 'head_invalid', 'execution_invalid', 'header_invalid', 'response_invalid'],
  M0: ['manifest_invalid'],
  T0: ['status_invalid'],
};

function checkTable(checks: readonly CheckName[]): string {
  const codes = codesByCheck();
  const rows = checks.map(({ id, title }) => {
    const ruled = codes.get(id + title) ?? codes.get(id) ?? [];
    const own = [...ruled, ...(ARCHIVE_CODES[id] ?? []), ...(PARSING_CODES[id] ?? [])];
    for (const name of own) if (!KNOWN_CODES.has(name)) throw new Error(`${id} gives the unknown code ${name}`);
    return [id, title, own.map(code).join(', ')];
  });
  return table(['check', 'holds when', 'codes'], rows);
}

function codeTable(group: keyof typeof codeMeanings): string {
  const rows = Object.entries(codeMeanings[group]).map(([name, meaning]) => [code(name), meaning]);
  return table(['code', 'meaning'], rows);
}

export const checkBlocks: Readonly<Record<string, () => string>> = {
  'checks nitro': () => checkTable(nitroChecks),
  'checks snp': () => checkTable(snpChecks),
  'checks nitro binding': () => checkTable([...nitroBindingRules, ...admissionRules]),
  'checks snp binding': () => checkTable([...snpBindingRules, ...admissionRules, ...snpFreshnessRules]),
  'checks receipt': () => checkTable(receiptChecks),
  'checks release': () => checkTable(releaseChecks),
  'checks commitment': () => checkTable(commitmentChecks),
  'checks status': () => checkTable(statusChecks),
  'checks dates': () => checkTable([...dateChecks, ...orderChecks]),
  'codes malformed': () => codeTable('malformed'),
  'codes untrusted': () => codeTable('untrusted'),
  'codes refused': () => codeTable('refused'),
  'codes misuse': () => codeTable('misuse'),
};
