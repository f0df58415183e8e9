import { readFileSync, writeFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, it } from 'vitest';
import { readAuditors } from '../../../host/disclosed/auditors.ts';
import { readOptions } from '../../../host/options/read.ts';
import { temporaryFolder } from '../../support/command.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());

const anna = { name: 'anna', key: '01'.repeat(64), url: 'https://anna.example' };
const berta = { name: 'berta', key: '02'.repeat(64), url: null };
const usual = { version: 1, pauseAt: 1, hosts: 'any', auditors: [anna, berta] };
const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-auditors.schema.json', 'utf8')) as object;
const fits = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

function read(value: unknown): string {
  try {
    readAuditors(folder.file('auditors.json', JSON.stringify(value)));
    return 'read';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('the auditors of a host', () => {
  it('are read from a file of the published form', () => {
    expect([read(usual), fits(usual)]).toEqual(['read', true]);
    const named = { ...usual, hosts: ['host.example', '127.0.0.1:8080'] };
    expect([read(named), fits(named)]).toEqual(['read', true]);
  });

  it.each<readonly [string, unknown, boolean]>([
    ['auditors.pauseAt', { ...usual, pauseAt: 0 }, false],
    ['auditors.hosts', { ...usual, hosts: [] }, false],
    ['auditors.auditors', { ...usual, auditors: [] }, false],
    ['auditors.more', { ...usual, more: 1 }, false],
    ['auditors.auditors[0].url', { ...usual, auditors: [{ ...anna, url: 'ftp://anna.example' }] }, false],
    ['auditors.auditors[0].key', { ...usual, auditors: [{ ...anna, key: '01' }] }, false],
    // What a schema cannot say: one auditor counts once, and all of them may have to agree, but no more.
    ['twice', { ...usual, auditors: [anna, { ...berta, key: anna.key }] }, true],
    ['twice', { ...usual, auditors: [anna, { ...berta, name: anna.name }] }, true],
    ['more auditors would have to agree', { ...usual, pauseAt: 3 }, true],
  ])('are refused by name: %s', (why, value, schemaFits) => {
    expect(read(value)).toContain(why);
    expect(fits(value)).toBe(schemaFits);
  });

  it('are named by an option, whose faults name it', () => {
    const path = folder.path('none.json');
    const given = (file: string): readonly string[] => [
      ...['--link', 'l', '--state', 's', '--listen', '127.0.0.1:0', '--configuration', folder.file('c', '')],
      ...['--auditors', file],
    ];
    writeFileSync(path, '{}');
    expect(() => readOptions(given(path))).toThrow();
    expect(() => readOptions([...given(path), '--disclosed-days', '0'])).toThrow();
  });
});
