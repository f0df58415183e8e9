import { SourceTextModule, SyntheticModule, type Module } from 'node:vm';
import { collection, type Test } from './collect.ts';

const packages = new Map<string, Module>();

/** Runs the module from its start. What it throws while loading, it throws here. */
export async function load(code: string): Promise<readonly Test[]> {
  const { vitest, tests } = collection();
  const own = synthetic(vitest);
  const find = async (specifier: string): Promise<Module> => {
    if (specifier === 'vitest') return own;
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
  return tests;
}

function synthetic(values: Readonly<Record<string, unknown>>): Module {
  const names = Object.keys(values);
  return new SyntheticModule(names, function (this: SyntheticModule) {
    for (const name of names) this.setExport(name, values[name]);
  });
}
