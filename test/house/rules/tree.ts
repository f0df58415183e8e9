import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** What a rule looks at: the text of every file that git tracks or would track, by path. */
export type SourceTree = ReadonlyMap<string, string>;

export interface Finding {
  readonly path: string;
  readonly line: number;
  readonly message: string;
}

export interface Rule {
  readonly name: string;
  readonly find: (tree: SourceTree) => readonly Finding[];
}

const TEXT =
  /\.(tsx?|mjs|cjs|css|html|svg|json|md|yml|yaml|sol|toml|sh|service|timer|c|h)$|(^|\/)(Makefile|\.npmrc|\.gitignore|LICENSE)$|^\.ci\//;

export function readSourceTree(root: string): SourceTree {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: root,
    encoding: 'utf8',
  });
  const paths = listed.split('\0').filter((path) => TEXT.test(path) && existsSync(join(root, path)));
  return new Map(paths.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]));
}

/** Every rule reads the same files; parsing them is most of the work. */
const parsed = new Map<string, ts.SourceFile>();

function parse(path: string, text: string): ts.SourceFile {
  const known = parsed.get(path);
  if (known?.text === text) return known;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  parsed.set(path, source);
  return source;
}

export function typescriptFiles(tree: SourceTree, under: RegExp): readonly [path: string, source: ts.SourceFile][] {
  return [...tree]
    .filter(([path]) => /\.tsx?$/.test(path) && under.test(path))
    .map(([path, text]) => [path, parse(path, text)]);
}

/** Calls `visit` for every node of every file; what it returns becomes a finding at that node's line. */
export function inspect(
  tree: SourceTree,
  under: RegExp,
  visit: (node: ts.Node, path: string) => string | undefined,
): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [path, source] of typescriptFiles(tree, under)) {
    const walk = (node: ts.Node): void => {
      const message = visit(node, path);
      if (message !== undefined) {
        findings.push({ path, line: source.getLineAndCharacterOfPosition(node.getStart()).line + 1, message });
      }
      ts.forEachChild(node, walk);
    };
    walk(source);
  }
  return findings;
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
