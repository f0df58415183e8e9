import { readFileSync } from 'node:fs';
import ts from 'typescript';

const ROOT: URL = new URL('../../', import.meta.url);

export function textOf(path: string): string {
  return readFileSync(new URL(path, ROOT), 'utf8');
}

export function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, textOf(path), ts.ScriptTarget.Latest, true);
}

export function visit(node: ts.Node, look: (node: ts.Node) => void): void {
  look(node);
  node.forEachChild((child) => visit(child, look));
}

/** The doc comment before a node, in one line; empty where there is none. */
export function commentOf(node: ts.Node): string {
  const [ranges] = [ts.getLeadingCommentRanges(node.getSourceFile().text, node.getFullStart()) ?? []];
  const last = ranges.at(-1);
  const raw = last === undefined ? '' : node.getSourceFile().text.slice(last.pos, last.end);
  return raw.startsWith('/**') ? oneLine(raw.slice(3, -2)) : '';
}

export function oneLine(comment: string): string {
  return comment
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trim())
    .join(' ')
    .trim();
}

/** The words of a union of texts that is declared under this name. */
export function unionOf(path: string, name: string): readonly string[] {
  const found: string[] = [];
  visit(parse(path), (node) => {
    if (ts.isTypeAliasDeclaration(node) && node.name.text === name) {
      visit(node.type, (inner) => {
        if (ts.isLiteralTypeNode(inner) && ts.isStringLiteral(inner.literal)) found.push(inner.literal.text);
      });
    }
  });
  if (found.length === 0) throw new Error(`${path} has no union ${name}`);
  return found;
}

/** Names, values and comments of an object of numbers that is declared under this name. */
export function numbersOf(
  path: string,
  name: string,
): readonly (readonly [name: string, value: number, comment: string])[] {
  const found: (readonly [string, number, string])[] = [];
  let comment = '';
  visit(parse(path), (node) => {
    if (!ts.isVariableDeclaration(node) || node.name.getText() !== name || node.initializer === undefined) return;
    visit(node.initializer, (inner) => {
      if (!ts.isPropertyAssignment(inner)) return;
      // One comment may stand before several limits of a kind.
      comment = commentOf(inner) || comment;
      found.push([inner.name.getText(), Number(inner.initializer.getText().replaceAll('_', '')), comment]);
    });
  });
  if (found.length === 0) throw new Error(`${path} has no numbers ${name}`);
  return found;
}

/** The texts that one member has in a union of object types. */
export function unionLiterals(path: string, name: string, member: string): readonly string[] {
  const found: string[] = [];
  visit(parse(path), (node) => {
    if (!ts.isTypeAliasDeclaration(node) || node.name.text !== name) return;
    visit(node.type, (inner) => {
      if (!ts.isPropertySignature(inner) || inner.name.getText() !== member || inner.type === undefined) return;
      if (ts.isLiteralTypeNode(inner.type) && ts.isStringLiteral(inner.type.literal))
        found.push(inner.type.literal.text);
    });
  });
  if (found.length === 0) throw new Error(`${path} has no union ${name} of objects with ${member}`);
  return found;
}
