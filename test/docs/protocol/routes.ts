import ts from 'typescript';
import { refusals } from '../../../cli/auditor/errors.ts';
import { explanations } from '../../../host/http/errors.ts';
import { needOf } from '../../../host/http/guard.ts';
import { workerRefusals } from '../../../wire/message/link.ts';
import { code, table } from '../markers.ts';
import { parse, visit } from '../source.ts';

interface RouteLine {
  readonly method: string;
  readonly path: string;
}

/** What each path is for and what its segments are called; a path that is not here makes the generator fail. */
const PURPOSES: Readonly<Record<string, string>> = {
  'POST /v2/models/{model}/infer': 'a tensor call without a session',
  'POST /v2/models/{model}/versions/{version}/infer': 'the same, of one version',
  'POST /v1/sessions/{sessionId}': 'one sealed record',
  'POST /v1/sessions/{sessionId}/charged': 'one sealed record that charges a channel',
  'POST /v1/sessions': 'Noise message 1; `?log=` and `?model=` are optional',
  'POST /v1/chat/completions': 'a chat without a session',
  'POST /v1/completions': 'a completion without a session',
  'GET /v1/responses/{requestId}': 'a sealed answer that was kept',
  'POST /v1/findings':
    'a finding of an auditor that the operator names (`--auditors`); anybody may bring it, and its signature counts',
  'POST /v1/disclosed': 'a `.proofmark` file of a sealed request that its requester disclosed (`--auditors`)',
  'GET /': 'what this is, and its paths',
  'GET /v2': 'server metadata of the Open Inference Protocol',
  'GET /v2/health/live': '`{"live":true}`',
  'GET /v2/health/ready': '200 where a worker is ready, else 503',
  'GET /v2/models/{model}': 'inputs and outputs, from the manifest',
  'GET /v2/models/{model}/ready': '200 where a worker has it, else 503',
  'GET /v2/models/{model}/versions/{version}': 'the same, of one version',
  'GET /v2/models/{model}/versions/{version}/ready': 'the same, of one version',
  'GET /v1/models': 'language models, in the form of OpenAI',
  'GET /v1/models/{model}': 'one of them',
  'GET /v1/evidence': '`?challenge=` 64 hex digits, `&log=` optional: evidence for that challenge',
  'GET /v1/registration':
    '`?challenge=` and `&log=`: the evidence and the signature with which a log is registered on chain',
  'GET /v1/statistics': 'how busy the host is, in numbers that it counted itself: its word',
  'GET /v1/workers': 'the workers, their logs and models: hints, not facts',
  'GET /v1/receipts/{requestId}': 'a receipt bundle as CBOR; `?log=` and `?index=` choose one of several',
  'GET /v1/receipts/{requestId}/places': 'every log and index at which that number stands',
  'GET /v1/receipts/by-index/{log}/{index}':
    'a receipt bundle by its place, for an auditor that is named: `?key=`, `&time=`, `&nonce=` and `&signature=` (below)',
  'GET /v1/disclosed/{log}/{index}': 'the same for a disclosed request and its answer, as CBOR',
  'GET /v1/log/head': 'the newest signed head; `?log=` optional here and below',
  'GET /v1/log/heads': 'signed heads by size, `?after=` a size',
  'GET /v1/log/consistency': '`?first=` and `?second=`: a consistency proof',
  'GET /v1/log/checkpoint': 'the newest head as a signed note',
  'GET /v1/log/tile/{path}': 'hashes of the tree, as C2SP tlog-tiles cuts it up',
  'GET /v1/releases': 'id, name and version of each release that is served',
  'GET /v1/releases/{modelId}': 'one signed release',
  'GET /v1/levels': 'which levels are offered for which model, and at what price: its word',
  'GET /v1/settlement': 'how far the host’s own settling is: its word',
  'GET /v1/releases/{modelId}/files/{path}': 'card and samples of a release; hold them against the manifest',
  'GET /v1/releases/{modelId}/status': "its owner's signed status",
};

/** Names of the segments that the fast router writes as a colon alone. */
const SEGMENTS: Readonly<Record<string, readonly string[]>> = {
  '/v2/models/:/infer': ['model'],
  '/v2/models/:/versions/:/infer': ['model', 'version'],
  '/v1/sessions/:': ['sessionId'],
  '/v1/sessions/:/charged': ['sessionId'],
  '/v1/responses/:': ['requestId'],
};

export function routes(): readonly RouteLine[] {
  const found: RouteLine[] = [];
  visit(parse('host/app.ts'), (node) => {
    const route = routeOf(node);
    if (route !== undefined) found.push(route);
    found.push(...offersOf(node));
  });
  return found;
}

/** An entry of the table of routes with bodies. */
function routeOf(node: ts.Node): RouteLine | undefined {
  if (!ts.isObjectLiteralExpression(node)) return undefined;
  const texts = new Map(
    node.properties.flatMap((property) =>
      ts.isPropertyAssignment(property) && ts.isStringLiteral(property.initializer)
        ? [[property.name.getText(), property.initializer.text] as const]
        : [],
    ),
  );
  const method = texts.get('method');
  const pattern = texts.get('pattern');
  if (method === undefined || pattern === undefined) return undefined;
  const names = [...(SEGMENTS[pattern] ?? [])];
  return { method, path: pattern.replaceAll(':', () => `{${names.shift() ?? 'unnamed'}}`) };
}

/** What `offer(app, path, …)` offers, also where one loop offers several. */
function offersOf(node: ts.Node): readonly RouteLine[] {
  if (!ts.isCallExpression(node) || node.expression.getText() !== 'offer') return [];
  const path = node.arguments[1];
  if (path === undefined) return [];
  return spellings(path).map((spelled) => ({
    method: 'GET',
    path: spelled.replaceAll(/:([a-zA-Z]+)/g, '{$1}').replace('*path', '{path}'),
  }));
}

function spellings(path: ts.Expression): readonly string[] {
  if (ts.isStringLiteral(path)) return [path.text];
  if (ts.isIdentifier(path)) return loopValues(path);
  if (ts.isTemplateExpression(path)) {
    const [span] = path.templateSpans;
    if (span !== undefined && ts.isIdentifier(span.expression)) {
      return loopValues(span.expression).map((value) => path.head.text + value + span.literal.text);
    }
  }
  throw new Error(`a path that this reader does not follow: ${path.getText()}`);
}

function loopValues(name: ts.Identifier): readonly string[] {
  for (let node: ts.Node = name; node.parent !== undefined; node = node.parent) {
    if (ts.isForOfStatement(node) && ts.isArrayLiteralExpression(node.expression)) {
      return node.expression.elements.filter(ts.isStringLiteral).map(({ text }) => text);
    }
  }
  // The one inside `offer` itself, which hands its parameter on.
  return [];
}

function routeTable(): string {
  const rows = routes().map(({ method, path }) => {
    const purpose = PURPOSES[`${method} ${path}`];
    if (purpose === undefined) throw new Error(`say in test/docs/protocol/routes.ts what ${method} ${path} is for`);
    const need = needOf(method, path) === 'key' ? 'yes' : 'no';
    return [method, code(path), need, purpose];
  });
  return table(['method', 'path', 'key', 'what'], rows);
}

function errorTable(): string {
  const rows = Object.entries(explanations).map(([name, { status, message }]) => [code(name), String(status), message]);
  return table(['code', 'status', 'message'], rows);
}

function refusalTable(): string {
  const rows = Object.entries(refusals).map(([name, { status, message }]) => [code(name), String(status), message]);
  return table(['code', 'status', 'message'], rows);
}

export const routeBlocks: Readonly<Record<string, () => string>> = {
  routes: routeTable,
  'host errors': errorTable,
  'approval refusals': refusalTable,
  'worker refusals': () => workerRefusals.map(code).join(', '),
};
