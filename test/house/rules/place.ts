import { type Finding, lineOf, type Rule } from './tree.ts';

const MACHINE_PATH = /(?<![\w.~-])\/(home|root|Users|work)\/[\w.-]+/g;
const NEIGHBOUR = /\.\.\/shared\b/g;

/** The repository works on any machine: no path of one, and nothing beside the checkout but in tests that skip without it. */
export const place: Rule = {
  name: 'no path of one machine',
  find(tree) {
    const findings: Finding[] = [];
    for (const [path, text] of tree) {
      for (const match of text.matchAll(MACHINE_PATH)) findings.push(finding(path, text, match));
      if (path.startsWith('test/')) continue;
      for (const match of text.matchAll(NEIGHBOUR)) findings.push(finding(path, text, match));
    }
    return findings;
  },
};

function finding(path: string, text: string, match: RegExpExecArray): Finding {
  return { path, line: lineOf(text, match.index), message: match[0] };
}
