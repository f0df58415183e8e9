import { dirname, join } from 'node:path';
import ts from 'typescript';
import { oneLine, textOf } from './source.ts';

/** The entries of the package, by the page on which they stand. */
const ENTRIES: Readonly<Record<string, readonly (readonly [name: string, file: string])[]>> = {
  verifier: [['proofmark/verifier', 'verifier/index.ts']],
  client: [
    ['proofmark/client', 'client/index.ts'],
    ['proofmark/client/web', 'client/web.ts'],
    ['proofmark/client/audit', 'client/audit/index.ts'],
    ['proofmark/client/proofs', 'client/proofs/index.ts'],
  ],
  wire: [
    ['proofmark/wire', 'wire/index.ts'],
    ['proofmark/wire/node', 'wire/node.ts'],
  ],
};

export const apiNames: readonly string[] = Object.keys(ENTRIES);

export interface ApiExport {
  readonly name: string;
  readonly file: string;
  /** Its doc comment in one line; empty where it has none. */
  readonly comment: string;
  readonly declaration: string;
}

/** docs/api/NAME.md: every name that a package's entry exports, with its declaration and what its source says of it. */
export function apiPage(page: string): string {
  const parts = [
    `# API: ${page}`,
    'Written by `npx tsx test/docs/write.ts` from the declarations and comments in the sources; a test holds the page against them.',
    ...entriesOf(page).flatMap(({ name, also, own }) => [`## ${name}`, ...also, ...sections(own)]),
  ];
  return `${parts.join('\n\n')}\n`;
}

interface EntryText {
  readonly name: string;
  readonly also: readonly string[];
  readonly own: readonly ApiExport[];
}

/** What a later entry has in common with an earlier one is listed once. */
function entriesOf(page: string): readonly EntryText[] {
  const listed = new Set<string>();
  return (ENTRIES[page] ?? []).map(([name, entry]) => {
    const found = exportsOf(entry);
    const own = found.filter((one) => !listed.has(keyOf(one)));
    const also = found.length === own.length ? [] : [`And ${found.length - own.length} of the names above.`];
    for (const one of own) listed.add(keyOf(one));
    return { name, also, own };
  });
}

function keyOf({ file, name }: ApiExport): string {
  return `${file} ${name}`;
}

function sections(found: readonly ApiExport[]): readonly string[] {
  return [...groupByFile(found)].flatMap(([file, list]) => [
    `### [${file}](../../${file})`,
    ...list.flatMap(({ name, comment, declaration }) => [
      `#### \`${name}\``,
      ...(comment === '' ? [] : [comment]),
      ['```ts', declaration, '```'].join('\n'),
    ]),
  ]);
}

function groupByFile(found: readonly ApiExport[]): ReadonlyMap<string, readonly ApiExport[]> {
  const groups = new Map<string, ApiExport[]>();
  for (const each of found) groups.set(each.file, [...(groups.get(each.file) ?? []), each]);
  return groups;
}

/** What an entry exports, followed through every file that it names. Types need no checker: the sources write them out. */
export function exportsOf(entry: string): readonly ApiExport[] {
  return [...collect(entry, 'all')].sort((a, b) => (a.file === b.file ? 0 : a.file < b.file ? -1 : 1));
}

function collect(file: string, wanted: ReadonlySet<string> | 'all'): readonly ApiExport[] {
  const found: ApiExport[] = [];
  const source = declarationsOf(file);
  for (const statement of source.statements) {
    if (ts.isExportDeclaration(statement)) found.push(...collectFrom(file, statement, wanted));
    else if (isExported(statement)) found.push(...ownExports(file, statement, wanted));
  }
  return found;
}

/** `export … from`, and the names that a file imported and hands on. */
function collectFrom(
  file: string,
  { exportClause, moduleSpecifier }: ts.ExportDeclaration,
  wanted: ReadonlySet<string> | 'all',
): readonly ApiExport[] {
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return [];
  const target = join(dirname(file), moduleSpecifier.text);
  if (exportClause === undefined) return collect(target, wanted);
  if (ts.isNamespaceExport(exportClause)) {
    const name = exportClause.name.text;
    const inside = collect(target, 'all').map(({ name: one }) => one);
    return [{ name, file: target, comment: `A namespace of ${inside.join(', ')}.`, declaration: `namespace ${name}` }];
  }
  const names = exportClause.elements
    .filter(({ name }) => wanted === 'all' || wanted.has(name.text))
    .map((element) => (element.propertyName ?? element.name).text);
  return collect(target, new Set(names));
}

function ownExports(file: string, statement: ts.Statement, wanted: ReadonlySet<string> | 'all'): readonly ApiExport[] {
  const text = statement.getText().replace(/^export (declare )?/, '');
  return namesOf(statement)
    .filter((name) => wanted === 'all' || wanted.has(name))
    .map((name) => ({ name, file, comment: docOf(statement), declaration: text }));
}

function namesOf(statement: ts.Statement): readonly string[] {
  if (ts.isVariableStatement(statement))
    return statement.declarationList.declarations.map(({ name }) => name.getText());
  const { name } = statement as ts.Statement & { readonly name?: ts.Identifier };
  return name === undefined ? [] : [name.text];
}

function isExported(statement: ts.Statement): boolean {
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  return modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function docOf(statement: ts.Statement): string {
  const text = statement.getSourceFile().text;
  const comments = ts.getLeadingCommentRanges(text, statement.getFullStart()) ?? [];
  const last = comments.at(-1);
  const raw = last === undefined ? '' : text.slice(last.pos, last.end);
  return raw.startsWith('/**') ? oneLine(raw.slice(3, -2)) : '';
}

const known = new Map<string, ts.SourceFile>();

/** The declarations of one file, as the package ships them: without bodies, with comments. */
function declarationsOf(file: string): ts.SourceFile {
  const before = known.get(file);
  if (before !== undefined) return before;
  const { outputText } = ts.transpileDeclaration(textOf(file), {
    fileName: file,
    compilerOptions: { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext, allowImportingTsExtensions: true },
  });
  const parsed = ts.createSourceFile(file, outputText, ts.ScriptTarget.Latest, true);
  known.set(file, parsed);
  return parsed;
}
