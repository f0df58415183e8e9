import { type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { mediaType } from '../../http/body.ts';
import type { Entry } from '../catalogue.ts';
import { HubError } from '../errors.ts';
import { sendJson } from '../http/answer.ts';
import type { Call, HubContext, HubHandler, HubRoute, RouteKind } from '../http/context.ts';
import { readWithin } from '../http/exchange.ts';
import { repositoryOf } from '../http/routes-read.ts';
import { bounded, pageOf, readCount, readCursor, readText, says } from '../search.ts';
import { describeModel, tagsOf, wishOf } from './model.ts';
import { commitOf, resolveRevision } from './repository.ts';
import { findInTree, lfsOf, listTree, treeEntry } from './tree.ts';

/**
 * The Hugging Face Hub's API for reading, as far as transformers.js, @huggingface/hub and huggingface_hub use it to find
 * models and to fetch their files. What is not under a model id is unproven: what these libraries fetch is held against
 * nothing but the digests that this hub says.
 */
export function libraryRoutes(context: HubContext): readonly HubRoute[] {
  const read = (pattern: string, handler: HubHandler, kind: RouteKind = 'read'): HubRoute => ({
    method: 'GET',
    pattern,
    kind,
    handler,
  });
  const tree = treeRoute(context);
  const resolve = resolveRoute(context);
  return [
    read('/api/models', modelsRoute(context), 'search'),
    read('/api/models/:/:', modelRoute(context)),
    read('/api/models/:/:/revision/:', modelRoute(context)),
    read('/api/models/:/:/refs', refsRoute(context)),
    read('/api/models/:/:/commits/:', commitsRoute(context)),
    read('/api/models/:/:/tree/:', tree),
    read('/api/models/:/:/tree/:/*', tree),
    { method: 'POST', pattern: '/api/models/:/:/paths-info/:', kind: 'read', handler: pathsRoute(context) },
    read('/:/:/resolve/:/*', resolve, 'file'),
    // Git's raw files would be pointers; whoever asks for one wants to know whether it is there.
    read('/:/:/raw/:/*', resolve, 'file'),
  ];
}

function entryOf({ store }: HubContext, call: Call): Entry {
  const [namespace = '', name = '', revision = 'main'] = call.parameters;
  return resolveRevision(store.catalogue, call.sees, { namespace, name, revision });
}

function modelsRoute({ store, origin }: HubContext): HubHandler {
  return ({ response, query, sees, headers }) => {
    const limit = readCount(query.get('limit'), limits.hubPage);
    const entries = filtered(store.catalogue.mains(sees, readCursor(query.get('cursor'))), query);
    const { rows, next } = pageOf(entries, limit);
    const wish = wishOf(query);
    const list = rows.map((entry) => describeModel(entry, wish));
    sendJson(response, 200, { ...headers, ...linkTo(origin, '/api/models', query, next) }, list);
    return Promise.resolve();
  };
}

function* filtered(entries: Iterable<Entry>, query: URLSearchParams): Iterable<Entry> {
  const text = readText(query.get('search'))?.toLowerCase() ?? null;
  const author = readText(query.get('author'));
  const task = readText(query.get('pipeline_tag'));
  const tags = ['filter', 'tags', 'library']
    .flatMap((name) => query.getAll(name))
    .flatMap((value) => bounded(value).split(','))
    .filter((tag) => tag !== '');
  // Nothing here is served by inference providers or made for apps.
  if (query.has('inference_provider') || query.has('apps')) return;
  for (const entry of entries) {
    if (author !== null && entry.namespace !== author) continue;
    if (task !== null && entry.task !== task) continue;
    const own = tags.length === 0 ? [] : tagsOf(entry);
    if (!tags.every((tag) => own.includes(tag))) continue;
    if (text === null || says(entry, text)) yield entry;
  }
}

/** An absolute link, since that is what its readers look for. */
function linkTo(
  origin: string,
  path: string,
  query: URLSearchParams,
  cursor: number | undefined,
): Record<string, string> {
  if (cursor === undefined) return {};
  const next = new URLSearchParams(query);
  next.set('cursor', String(cursor));
  return { Link: `<${origin}${path}?${next.toString()}>; rel="next"` };
}

function modelRoute(context: HubContext): HubHandler {
  return (call) => {
    sendJson(call.response, 200, call.headers, describeModel(entryOf(context, call), wishOf(call.query)));
    return Promise.resolve();
  };
}

function versionsOf({ store }: HubContext, { parameters: [namespace = '', name = ''], sees }: Call): readonly Entry[] {
  const versions = store.catalogue.versions(repositoryOf(namespace, name), sees);
  if (versions.length === 0) throw new HubError('model_unknown');
  return versions;
}

function refsRoute(context: HubContext): HubHandler {
  return (call) => {
    const tags = versionsOf(context, call).map((entry) => ({
      name: `v${entry.version}`,
      ref: `refs/tags/v${entry.version}`,
      targetCommit: commitOf(entry),
    }));
    const [namespace = '', name = ''] = call.parameters;
    const main = context.store.catalogue.main(repositoryOf(namespace, name), call.sees);
    const branches = main === undefined ? [] : [{ name: 'main', ref: 'refs/heads/main', targetCommit: commitOf(main) }];
    sendJson(call.response, 200, call.headers, { branches, tags, converts: [] });
    return Promise.resolve();
  };
}

/** Versions are the only history there is: what is no newer than the one that was asked for. */
function commitsRoute(context: HubContext): HubHandler {
  return (call) => {
    const versions = versionsOf(context, call);
    const older = versions.slice(versions.indexOf(entryOf(context, call)));
    const limit = readCount(call.query.get('limit'), limits.hubPage);
    const before = readCursor(call.query.get('cursor'));
    const { rows, next } = pageOf(
      older.filter((_, index) => index >= older.length - before),
      limit,
    );
    const left = next === undefined ? undefined : older.length - older.indexOf(rows.at(-1) as Entry) - 1;
    const commits = rows.map((entry) => ({
      id: commitOf(entry),
      title: entry.version,
      message: '',
      authors: [{ user: entry.namespace, avatar: '' }],
      date: new Date(entry.publishedAt).toISOString(),
    }));
    const [namespace = '', name = '', revision = ''] = call.parameters;
    const path = `/api/models/${namespace}/${name}/commits/${encodeURIComponent(revision)}`;
    const link = linkTo(context.origin, path, call.query, left);
    sendJson(call.response, 200, { ...call.headers, ...link, 'X-Total-Count': String(older.length) }, commits);
    return Promise.resolve();
  };
}

function treeRoute(context: HubContext): HubHandler {
  return (call) => {
    const { query } = call;
    const entry = entryOf(context, call);
    const [namespace = '', name = '', revision = '', folder = ''] = call.parameters;
    const all = listTree(entry, folder.replace(/\/$/, ''), query.get('recursive') === 'true' ? 'all' : 'one');
    if (all === undefined) throw new HubError('file_unknown');
    const cursor = query.get('cursor');
    const start = cursor === null ? 0 : readCursor(cursor);
    const wanted = query.get('limit');
    if (wanted !== null) readCount(wanted, 1);
    const limit = Math.min(wanted === null ? limits.hubTreePage : Number(wanted), limits.hubTreePage);
    const detail = query.get('expand') === 'true' ? 'expanded' : 'short';
    const page = all.slice(start, start + limit).map((found) => treeEntry(entry, found, detail));
    const path = [
      '/api/models',
      namespace,
      name,
      'tree',
      encodeURIComponent(revision),
      ...(folder === '' ? [] : [folder]),
    ];
    const next = start + limit < all.length ? start + limit : undefined;
    sendJson(call.response, 200, { ...call.headers, ...linkTo(context.origin, path.join('/'), query, next) }, page);
    return Promise.resolve();
  };
}

const FORM = 'application/x-www-form-urlencoded';

/** The JavaScript library asks in JSON, the Python one as a form. */
function pathsRoute(context: HubContext): HubHandler {
  return async (call) => {
    const entry = entryOf(context, call);
    const rules = { types: ['application/json', FORM], maxBytes: limits.hubPathsBytes };
    const body = Uint8Array.from(await readWithin(call.exchange, rules, context.bodyMs));
    const { paths, isExpanded } = mediaType(call.request) === FORM ? readForm(body) : readJsonPaths(body);
    const found = paths.flatMap((path) => {
      const one = findInTree(entry, path);
      return one === undefined ? [] : [treeEntry(entry, one, isExpanded ? 'expanded' : 'short')];
    });
    sendJson(call.response, 200, call.headers, found);
  };
}

interface AskedPaths {
  readonly paths: readonly string[];
  readonly isExpanded: boolean;
}

function readForm(body: Uint8Array): AskedPaths {
  const form = new URLSearchParams(Buffer.from(body).toString('utf8'));
  return askedPaths(form.getAll('paths'), form.get('expand')?.toLowerCase() === 'true');
}

function readJsonPaths(body: Uint8Array): AskedPaths {
  const json = parseJson(body, { maxBytes: limits.hubPathsBytes, maxValues: limits.manifestFiles + 8 });
  const { paths, expand } = (json ?? {}) as { readonly paths?: JsonValue; readonly expand?: JsonValue };
  const list = typeof paths === 'string' ? [paths] : paths;
  if (!Array.isArray(list) || !list.every((path) => typeof path === 'string')) throw new HubError('request_invalid');
  return askedPaths(list, expand === true);
}

/** A release has no more files than this, so that nobody has a reason to ask about more. */
function askedPaths(paths: readonly string[], isExpanded: boolean): AskedPaths {
  if (paths.length > limits.manifestFiles + 1) throw new HubError('request_invalid');
  return { paths, isExpanded };
}

function resolveRoute(context: HubContext): HubHandler {
  return async (call) => {
    const entry = entryOf(context, call);
    const commit = { ...call.headers, 'X-Repo-Commit': commitOf(entry) };
    const file = entry.contents.get(call.parameters[3] ?? '');
    if (file === undefined) throw new HubError('file_unknown');
    const { oid, size } = lfsOf(file);
    const linked = { 'X-Linked-Etag': `"${oid}"`, 'X-Linked-Size': String(size) };
    await context.files.send(call.exchange, entry, file, { ...commit, ...linked });
  };
}
