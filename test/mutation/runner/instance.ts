import * as crypto from 'node:crypto';
import { type Module, SourceTextModule, SyntheticModule } from 'node:vm';
import { collection, type Test } from './collect.ts';

const packages = new Map<string, Module>();

/** Runs the module from its start. What it throws while loading, it throws here. */
export async function load(code: string): Promise<readonly Test[]> {
  const { vitest, declared } = collection();
  const own = synthetic(vitest);
  const keys = synthetic(cryptoWithSameKeys());
  const find = async (specifier: string): Promise<Module> => {
    if (specifier === 'vitest') return own;
    if (specifier === 'node:crypto') return keys;
    const known = packages.get(specifier) ?? synthetic((await import(specifier)) as Record<string, unknown>);
    packages.set(specifier, known);
    return known;
  };
  const importNow = async (specifier: string): Promise<Module> => {
    const module = await find(specifier);
    if (module.status === 'unlinked') await module.link(find);
    await module.evaluate();
    return module;
  };
  const module = new SourceTextModule(code, { identifier: 'tests', importModuleDynamically: importNow });
  await module.link(find);
  await module.evaluate();
  return declared();
}

/** More than any slice makes while it loads: they must differ there, and may come back when tests run again. */
const DIFFERENT_KEYS = 64;

const rsaKeys = new Map<string, unknown[]>();

/** Tests make RSA keys while they load, which takes seconds: each load gets those of the first, in the same order. */
function cryptoWithSameKeys(): Readonly<Record<string, unknown>> {
  const given = new Map<string, number>();
  const make = crypto.generateKeyPairSync as (...asked: unknown[]) => unknown;
  const generateKeyPairSync = (...asked: unknown[]): unknown => {
    if (asked[0] !== 'rsa') return make(...asked);
    const kind = JSON.stringify(asked);
    const keys = rsaKeys.get(kind) ?? [];
    rsaKeys.set(kind, keys);
    const place = given.get(kind) ?? 0;
    given.set(kind, (place + 1) % DIFFERENT_KEYS);
    keys[place] ??= make(...asked);
    return keys[place];
  };
  return { ...crypto, generateKeyPairSync };
}

function synthetic(values: Readonly<Record<string, unknown>>): Module {
  const names = Object.keys(values);
  return new SyntheticModule(names, function (this: SyntheticModule) {
    for (const name of names) this.setExport(name, values[name]);
  });
}
