import ts from 'typescript';
import { explanations } from '../../../host/hub/errors.ts';
import { code, table } from '../markers.ts';
import { parse, visit } from '../source.ts';

/** What each path of a hub is for; one that is not here makes the generator fail. */
const PURPOSES: Readonly<Record<string, string>> = {
  'GET /': 'what this is, and its paths',
  'POST /v1/hub/challenges': '`{"nonce","seconds"}`: signed into one upload, and used once',
  'POST /v1/hub/uploads': 'an upload, as JSON: `{"token","missing":[…]}`; no token where all of it is there',
  'HEAD /v1/hub/uploads/{modelId}/{sha256}': 'how much of a file has arrived, in `Upload-Offset`',
  'PATCH /v1/hub/uploads/{modelId}/{sha256}': 'more of it, from `Upload-Offset` on, `application/octet-stream`',
  'POST /v1/hub/uploads/{modelId}/commit': 'the release appears, whole',
  'PUT /v1/hub/releases/{modelId}/status': 'a signed status, canonical JSON',
  'GET /v1/hub/releases/{modelId}': 'a release with its contents and status',
  'GET /v1/hub/releases/{modelId}/files/{path}': 'a stored file, as an attachment; takes `Range`',
  'GET /v1/hub/models/{namespace}/{name}': 'its versions, newest first',
  'GET /v1/hub/search': '`?q=&task=&tag=&namespace=&limit=&cursor=`: a page of releases',
};

const SEGMENTS: Readonly<Record<string, readonly string[]>> = {
  '/v1/hub/uploads/:/:': ['modelId', 'sha256'],
  '/v1/hub/models/:/:': ['namespace', 'name'],
};

/** What `route(kind, method, pattern, handler)` is called with. */
function hubRoutes(): readonly (readonly [method: string, path: string])[] {
  const found: (readonly [string, string])[] = [];
  visit(parse('host/hub/http/app.ts'), (node) => {
    if (!ts.isCallExpression(node) || node.expression.getText() !== 'route') return;
    const [, method, pattern] = node.arguments.map((argument) => (ts.isStringLiteral(argument) ? argument.text : ''));
    if (method === undefined || pattern === undefined) return;
    const names = [...(SEGMENTS[pattern] ?? ['modelId'])];
    found.push([method, pattern.replaceAll(':', () => `{${names.shift() ?? 'unnamed'}}`).replace('*', '{path}')]);
  });
  return found;
}

function routeTable(): string {
  const rows = hubRoutes().map(([method, path]) => {
    const purpose = PURPOSES[`${method} ${path}`];
    if (purpose === undefined) throw new Error(`say in test/docs/protocol/hub.ts what ${method} ${path} is for`);
    return [method, code(path), purpose];
  });
  if (rows.length === 0) throw new Error('host/hub/http/app.ts has no routes that this reader follows');
  return table(['method', 'path', 'what'], rows);
}

function errorTable(): string {
  const rows = Object.entries(explanations).map(([name, { status, message }]) => [code(name), String(status), message]);
  return table(['code', 'status', 'message'], rows);
}

export const hubBlocks: Readonly<Record<string, () => string>> = { 'hub routes': routeTable, 'hub errors': errorTable };
