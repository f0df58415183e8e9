import ts from 'typescript';
import { inspect, type Rule } from './tree.ts';

const RUNNERS: ReadonlySet<string> = new Set(['it', 'test', 'describe', 'suite', 'bench']);
const ALWAYS_OFF: ReadonlySet<string> = new Set(['only', 'skip', 'todo', 'fails']);

/** A test is run, or says by a condition and its title why not (`skipIf`, `runIf`, or `context.skip` inside the test). */
export const unconditionalSkips: Rule = {
  name: 'no .only, and no test that is skipped without a condition',
  find: (tree) =>
    inspect(tree, /^test\//, (node) => {
      if (!ts.isPropertyAccessExpression(node)) return undefined;
      const root = rootName(node.expression);
      if (root === undefined || !RUNNERS.has(root)) return undefined;
      return ALWAYS_OFF.has(node.name.text) ? `${node.getText()} is forbidden` : undefined;
    }),
};

function rootName(node: ts.Expression): string | undefined {
  if (ts.isIdentifier(node)) return node.text;
  return ts.isPropertyAccessExpression(node) ? rootName(node.expression) : undefined;
}
