import { consoleLimits } from './limits.ts';

interface Passed {
  readonly method: 'GET' | 'POST';
  readonly path: RegExp;
}

const ID = '[0-9a-f]{64}';
/** A model's name or id. */
const NAME = '[A-Za-z0-9._-]{1,128}';

/** The host's interface, as far as a console asks for it. */
const passed: readonly Passed[] = [
  get('/'),
  get('/v1/evidence'),
  get('/v1/workers'),
  get('/v1/statistics'),
  get('/v1/models'),
  get('/v1/releases'),
  get(`/v1/releases/${ID}(/status)?`),
  get(`/v1/releases/${ID}/files/[A-Za-z0-9._/-]{1,256}`),
  get(`/v1/receipts/${ID}(/places)?`),
  get('/v1/settlement'),
  get('/v1/levels'),
  get(`/v1/responses/${ID}`),
  get('/v1/log/(head|heads|consistency|checkpoint)'),
  get('/v1/log/tile/[0-9x/]{1,64}(\\.p/[0-9]{1,3})?'),
  get('/v2/health/ready'),
  get(`/v2/models/${NAME}(/ready)?`),
  post('/v1/sessions'),
  post('/v1/sessions/[0-9a-f]{1,64}(/charged)?'),
  post(`/v2/models/${NAME}/infer`),
  post('/v1/(chat/)?completions'),
];

function get(path: string): Passed {
  return { method: 'GET', path: new RegExp(`^${path}$`) };
}

function post(path: string): Passed {
  return { method: 'POST', path: new RegExp(`^${path}$`) };
}

const QUERY = /^[A-Za-z0-9_=&.-]*$/;
/** What somebody searches for is a text of theirs. */
const SEARCH = /^[A-Za-z0-9_=&.%-]*$/;

/** A server's interface, as far as a console asks for it. */
export interface PassedPaths {
  readonly paths: readonly Passed[];
  readonly query: RegExp;
}

export const hostPaths: PassedPaths = { paths: passed, query: QUERY };

const LABEL = '[a-z0-9-]{1,64}';

/** Of a hub what reads: nothing is published from a console. */
export const hubPaths: PassedPaths = {
  paths: [
    get('/v1/hub/search'),
    get(`/v1/hub/models/${LABEL}/${LABEL}`),
    get(`/v1/hub/releases/${ID}`),
    get(`/v1/hub/releases/${ID}/files/[A-Za-z0-9._/-]{1,256}`),
  ],
  query: SEARCH,
};

/** `target` is path and query as they came: no `..`, no encoding and no second spelling of anything passes. */
export function isPassedOn(
  method: string,
  target: string,
  { paths, query }: PassedPaths = hostPaths,
): 'yes' | 'other-method' | 'no' {
  if (target.length > consoleLimits.pathCharacters) return 'no';
  const at = target.indexOf('?');
  const path = at < 0 ? target : target.slice(0, at);
  if (at >= 0 && !query.test(target.slice(at + 1))) return 'no';
  if (path.split('/').some((segment) => segment === '.' || segment === '..')) return 'no';
  const known = paths.filter((one) => one.path.test(path));
  if (known.length === 0) return 'no';
  return known.some((one) => one.method === method) ? 'yes' : 'other-method';
}
