import { evaluate, render, type Word } from './words.ts';

/** Yul statements whose right sides are proven words. They are kept as data, so that tests can run them as well. */
export type Statement =
  | { readonly kind: 'let' | 'assign'; readonly name: string; readonly word: Word }
  | { readonly kind: 'store'; readonly address: number; readonly word: Word }
  | { readonly kind: 'block'; readonly body: readonly Statement[] };

export const declare = (name: string, word: Word): Statement => ({ kind: 'let', name, word });
export const assign = (name: string, word: Word): Statement => ({ kind: 'assign', name, word });
export const store = (address: number, word: Word): Statement => ({ kind: 'store', address, word });
export const block = (...body: readonly (Statement | readonly Statement[])[]): Statement => ({
  kind: 'block',
  body: body.flat(),
});

export const memory = (address: number): string => `mload(0x${address.toString(16)})`;

export function renderCode(statements: readonly Statement[], indent: string): string {
  return statements.map((statement) => renderStatement(statement, indent)).join('\n');
}

function renderStatement(statement: Statement, indent: string): string {
  switch (statement.kind) {
    case 'let':
      return `${indent}let ${statement.name} := ${render(statement.word)}`;
    case 'assign':
      return `${indent}${statement.name} := ${render(statement.word)}`;
    case 'store':
      return `${indent}mstore(0x${statement.address.toString(16)}, ${render(statement.word)})`;
    case 'block':
      return `${indent}{\n${renderCode(statement.body, `${indent}    `)}\n${indent}}`;
  }
}

/** Runs statements over named values; `mload(0x..)` and `calldataload(..)` are names like any other. */
export function runCode(statements: readonly Statement[], state: Map<string, bigint>): void {
  const read = (text: string): bigint => {
    const value = state.get(text);
    if (value === undefined) throw new RangeError(`${text} has no value`);
    return value;
  };
  for (const statement of statements) {
    if (statement.kind === 'block') runCode(statement.body, state);
    else if (statement.kind === 'store') state.set(memory(statement.address), evaluate(statement.word, read));
    else state.set(statement.name, evaluate(statement.word, read));
  }
}
