import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import ts from 'typescript';
import type { Verifier } from './corpus.ts';

/**
 * The verifier with a switch at every check, made from its source when the test runs; the product has no such switch.
 * Rules pass while theirs is off. Parsers' errors with that check's id are made and not thrown, so parsing goes on as if
 * nobody had looked.
 */
export interface Removal {
  /** The checks that are taken out. */
  ids: readonly string[];
  /** Codes of the CBOR scan that belong to them: the scan knows no checklist. */
  wireCodes: readonly string[];
}

export interface SwitchedVerifier extends Verifier {
  readonly removal: Removal;
}

const ROOT = join(import.meta.dirname, '../..');
const SWITCH = 'removal-switch';

const SWITCH_SOURCE = `
export const removal = { ids: [], wireCodes: [] };
export const isOff = (id) => removal.ids.includes(id);
export const isSilenced = (error) =>
  error?.name === 'WireError' ? removal.wireCodes.includes(error.code) : isOff(error?.place?.checkId);
export const ruleUnless = (id, run) => (context) =>
  isOff(id) ? { outcome: 'passed', detail: 'removed' } : run(context);
`;

/** Text that has to be there exactly once: a check that is no \`throw\` and no rule. */
export interface Patch {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export async function loadSwitchedVerifier(patches: readonly Patch[]): Promise<SwitchedVerifier> {
  const folder = mkdtempSync(join(tmpdir(), 'proofmark-removal-'));
  try {
    const built = await build({
      stdin: {
        contents: `export * from './verifier/index.ts'; export { removal } from '${SWITCH}';`,
        resolveDir: ROOT,
        loader: 'ts',
      },
      bundle: true,
      platform: 'node',
      format: 'esm',
      write: false,
      logLevel: 'silent',
      plugins: [switches(patches)],
    });
    const file = join(folder, 'verifier.mjs');
    writeFileSync(file, built.outputFiles[0]?.contents ?? '');
    return (await import(pathToFileURL(file).href)) as SwitchedVerifier;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Files whose errors are somebody else's, passed on: what silences them silences the first throw. */
const PASSES_ON: ReadonlySet<string> = new Set(['verifier/codec/evidence-cbor.ts']);

function switches(patches: readonly Patch[]): Plugin {
  return {
    name: 'switches',
    setup(builder) {
      builder.onResolve({ filter: new RegExp(`^${SWITCH}$`) }, () => ({ path: SWITCH, namespace: SWITCH }));
      builder.onLoad({ filter: /.*/, namespace: SWITCH }, () => ({ contents: SWITCH_SOURCE, loader: 'js' }));
      builder.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const name = relative(ROOT, path).replaceAll('\\', '/');
        if (!/^(verifier|wire)\//.test(name)) return undefined;
        const source = patched(name, ts.sys.readFile(path) ?? '', patches);
        return { contents: PASSES_ON.has(name) ? source : withSwitches(name, source), loader: 'ts' };
      });
    },
  };
}

function patched(name: string, source: string, patches: readonly Patch[]): string {
  return patches
    .filter(({ file }) => file === name)
    .reduce((text, { from, to }) => {
      if (text.split(from).length !== 2) throw new RangeError(`${name} does not hold exactly once: ${from}`);
      return `import { isOff } from '${SWITCH}';\n${text.replace(from, to)}`;
    }, source);
}

/** Pieces of text put in from the end to the start, so that everything else stays as it was written. */
function withSwitches(name: string, source: string): string {
  const file = ts.createSourceFile(name, source, ts.ScriptTarget.Latest, true);
  const edits: { readonly at: number; readonly drop: number; readonly put: string }[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isThrowStatement(node)) {
      edits.push({ at: node.getStart(file), drop: 'throw'.length, put: '{ const thrown_ =' });
      edits.push({ at: node.getEnd(), drop: 0, put: '; if (!isSilenced(thrown_)) throw thrown_; }' });
    }
    const rule = name.startsWith('verifier/') ? ruleOf(node) : undefined;
    if (rule !== undefined) {
      const { id, run } = rule;
      edits.push({ at: run.getStart(file), drop: 0, put: `ruleUnless(${id.getText(file)}, ` });
      edits.push({ at: run.getEnd(), drop: 0, put: ')' });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const edited = edits
    .sort((a, b) => b.at - a.at)
    .reduce((text, { at, drop, put }) => text.slice(0, at) + put + text.slice(at + drop), source);
  return `import { isSilenced, ruleUnless } from '${SWITCH}';\n${edited}`;
}

/** An entry of a checklist: an object with `id`, `title` and `run`. */
function ruleOf(node: ts.Node): { readonly id: ts.Expression; readonly run: ts.Expression } | undefined {
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const [id, title, run] = [written(node, 'id'), written(node, 'title'), written(node, 'run')];
  return id === undefined || title === undefined || run === undefined ? undefined : { id, run };
}

function written(object: ts.ObjectLiteralExpression, name: string): ts.Expression | undefined {
  const property = object.properties.find((entry) => entry.name?.getText() === name);
  if (property === undefined) return undefined;
  if (ts.isPropertyAssignment(property)) return property.initializer;
  // `run` in short would need its name kept; no rule is written so, and one that is shows up as a check that stays.
  return ts.isShorthandPropertyAssignment(property) && name !== 'run' ? property.name : undefined;
}
