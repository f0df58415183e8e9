import { fromHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { encodeHubRelease, encodeHubVersions, type RepositoryName } from '../../../wire/message/hub.ts';
import { RELEASE_NAME } from '../../../wire/message/manifest.ts';
import type { Entry } from '../catalogue.ts';
import { HubError } from '../errors.ts';
import { pageOf, readSearch, search } from '../search.ts';
import { send, sendJson } from './answer.ts';
import type { Call, HubContext, HubHandler } from './context.ts';

const JSON_TYPE = { 'Content-Type': 'application/json; charset=utf-8' };

export function releaseRoute(context: HubContext): HubHandler {
  return async (call) => {
    const release = await context.store.readRelease(releaseOf(context, call));
    send(call.response, 200, { ...JSON_TYPE, ...call.headers }, encodeHubRelease(release));
  };
}

export function releaseFileRoute(context: HubContext): HubHandler {
  return async (call) => {
    const entry = releaseOf(context, call);
    const file = entry.contents.get(call.parameters[1] ?? '');
    if (file === undefined) throw new HubError('file_unknown');
    await context.files.send(call.exchange, entry, file, call.headers);
  };
}

export function versionsRoute({ store }: HubContext): HubHandler {
  return ({ response, parameters: [namespace = '', name = ''], sees, headers }) => {
    const repository = repositoryOf(namespace, name);
    const found = store.catalogue.versions(repository, sees);
    if (found.length === 0) throw new HubError('model_unknown');
    const versions = found.slice(0, limits.hubVersions).map(({ version, modelId, visibility, status }) => ({
      version,
      modelId: fromHex(modelId, 32),
      visibility,
      status: status?.status ?? 'active',
    }));
    send(response, 200, { ...JSON_TYPE, ...headers }, encodeHubVersions({ ...repository, versions }));
    return Promise.resolve();
  };
}

export function searchRoute({ store }: HubContext): HubHandler {
  return ({ response, query, sees, headers }) => {
    const wanted = readSearch(query);
    const { rows, next } = pageOf(search(store.catalogue, wanted, sees), wanted.limit);
    const releases = rows.map((row) => {
      const { namespace, name, version, modelId, kind, task, tags, description, licence, status } = row;
      const said = { kind, task, tags, description, licence, status: status?.status ?? 'active' };
      return { namespace, name, version, modelId, ...said };
    });
    sendJson(response, 200, headers, { releases, next: next === undefined ? null : String(next) });
    return Promise.resolve();
  };
}

export function overviewRoute({ store }: HubContext): HubHandler {
  return ({ response, headers }) => {
    const trust = 'none needed: a release proves itself by its manifest, its owner’s signature and its files’ digests';
    const paths = {
      search: '/v1/hub/search?q=&task=&tag=&namespace=&limit=&cursor=',
      versions: '/v1/hub/models/{namespace}/{name}',
      release: '/v1/hub/releases/{modelId}',
      file: '/v1/hub/releases/{modelId}/files/{path}',
      library: '/api/models and /{namespace}/{name}/resolve/{revision}/{path}',
    };
    sendJson(response, 200, headers, { service: 'proofmark hub', trust, releases: store.catalogue.size, paths });
    return Promise.resolve();
  };
}

export function repositoryOf(namespace: string, name: string): RepositoryName {
  if (!RELEASE_NAME.test(namespace) || !RELEASE_NAME.test(name)) throw new HubError('model_unknown');
  return { namespace, name };
}

/** What may not be seen is not there, in the same words. */
function releaseOf({ store }: HubContext, { parameters: [modelId = ''], sees }: Call): Entry {
  const entry = store.catalogue.find(modelId);
  if (entry === undefined || !sees(entry)) throw new HubError('release_unknown');
  return entry;
}
