import { type Finding, lineOf, type Rule, type SourceTree } from './tree.ts';

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

interface LockedPackage {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const EXACT = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;

/** What is installed is what was reviewed. Peers are the user's own packages, so they are ranges. */
export const pins: Rule = {
  name: 'exact versions in package.json',
  find(tree) {
    const text = tree.get('package.json') ?? '{}';
    const file = JSON.parse(text) as PackageFile;
    const all = { ...file.dependencies, ...file.devDependencies };
    return Object.entries(all)
      .filter(([, version]) => !EXACT.test(version))
      .map(([name, version]) => at(text, 'package.json', `"${name}"`, `${name} is not pinned: ${version}`));
  },
};

export const lockfile: Rule = {
  name: 'the lock file names no registry, hashes everything and is complete',
  find(tree) {
    const text = tree.get('package-lock.json') ?? '{}';
    const { packages = {} } = JSON.parse(text) as { packages?: Readonly<Record<string, LockedPackage>> };
    return Object.entries(packages).flatMap(([path, entry]) =>
      lockProblems(path, entry, packages).map((problem) => at(text, 'package-lock.json', `"${path}": {`, problem)),
    );
  },
};

function lockProblems(
  path: string,
  entry: LockedPackage,
  packages: Readonly<Record<string, LockedPackage>>,
): readonly string[] {
  if (path === '') return [];
  const problems: string[] = [];
  if (entry.resolved !== undefined) problems.push(`${path} names a registry: ${entry.resolved}`);
  if (entry.integrity === undefined) problems.push(`${path} has no hash`);
  // npm writes names of optional packages that it could not fetch, and then refuses its own file in `npm ci`.
  for (const name of Object.keys(entry.optionalDependencies ?? {})) {
    if (!isLocked(path, name, packages))
      problems.push(`${path} wants ${name}, which is not locked: see test/house/prune-lock.ts`);
  }
  return problems;
}

/** Walks up the folders as Node's resolution does. */
export function isLocked(path: string, name: string, packages: Readonly<Record<string, unknown>>): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const candidate = at === '' ? `node_modules/${name}` : `${at}/node_modules/${name}`;
    if (candidate in packages) return true;
    if (at === '') return false;
  }
}

const FORBIDDEN_SETTING = /^\s*(@[\w-]+:)?registry\s*=|_auth|cafile/m;

export const npmrc: Rule = {
  name: '.npmrc names no registry and runs no install scripts',
  find(tree: SourceTree) {
    const text = tree.get('.npmrc') ?? '';
    const findings: Finding[] = [];
    const registry = FORBIDDEN_SETTING.exec(text);
    if (registry !== null) findings.push({ path: '.npmrc', line: lineOf(text, registry.index), message: registry[0] });
    for (const needed of [
      'ignore-scripts=true',
      'omit-lockfile-registry-resolved=true',
      'onnxruntime-node-install=skip',
    ]) {
      if (!text.split('\n').includes(needed))
        findings.push({ path: '.npmrc', line: 1, message: `${needed} is missing` });
    }
    return findings;
  },
};

function at(text: string, path: string, needle: string, message: string): Finding {
  return { path, line: lineOf(text, Math.max(0, text.indexOf(needle))), message };
}
