import { join } from 'node:path';
import ts from 'typescript';
import type { Block } from './blocks.ts';

/** What a page's reader has in hand, by the name under which its code uses it. */
const GIVEN: Readonly<Record<string, string>> = {
  policy: "declare const policy: import('proofmark/verifier').WorkerPolicy;",
  modelId: 'declare const modelId: Uint8Array;',
  OpenAI: "import OpenAI from 'openai';",
};

/** What the compiler says of each block, as if it stood in a file of a project that has the package installed. */
export function typeProblems(root: string, blocks: readonly Block[]): readonly string[] {
  const files = new Map(
    blocks.map((block, index) => [join(root, `test/docs/block-${index}.ts`), { block, text: completed(block.body) }]),
  );
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    types: ['node'],
    paths: {
      'proofmark/verifier': [join(root, 'verifier/index.ts')],
      'proofmark/client': [join(root, 'client/index.ts')],
      'proofmark/client/web': [join(root, 'client/web.ts')],
      'proofmark/wire': [join(root, 'wire/index.ts')],
      'proofmark/wire/node': [join(root, 'wire/node.ts')],
    },
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => files.get(path)?.text ?? readFile(path);
  host.getSourceFile = (path, version, ...rest) => {
    const text = files.get(path)?.text;
    return text === undefined ? getSourceFile(path, version, ...rest) : ts.createSourceFile(path, text, version, true);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([path, { block }]) => {
    const source = program.getSourceFile(path);
    const said = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return said.map(
      ({ messageText }) => `${block.page}:${block.line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
  });
}

function completed(body: string): string {
  const given = Object.entries(GIVEN)
    .filter(([name]) => new RegExp(`\\b${name}\\b`).test(body))
    .filter(([name]) => !new RegExp(`(?:const|let|import|function) (?:\\{[^}]*\\b)?${name}\\b`).test(body))
    .map(([, line]) => line);
  return [...given, body, 'export {};'].join('\n');
}
