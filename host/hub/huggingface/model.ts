import type { JsonValue } from '../../../wire/codec/json.ts';
import type { Entry } from '../catalogue.ts';
import { commitOf } from './repository.ts';
import { blobId, lfsOf } from './tree.ts';

/** What is wanted of a model: all that is usual, or the fields that were asked for. */
export interface Wish {
  /** Empty: the usual ones. */
  readonly expand: readonly string[];
  /** Sizes and digests of the files beside their names. */
  readonly blobs: 'with' | 'without';
}

export function wishOf(query: URLSearchParams): Wish {
  const expand = [...query.getAll('expand'), ...query.getAll('expand[]')];
  return { expand, blobs: query.get('blobs') === 'true' ? 'with' : 'without' };
}

type Json = Readonly<Record<string, JsonValue>>;

/** A release in the words of these libraries. What a hub does not count or does not have is zero, false or empty. */
export function describeModel(entry: Entry, wish: Wish): Json {
  const all = fieldsOf(entry, wish);
  if (wish.expand.length === 0) return all;
  const asked = Object.entries(all).filter(([name]) => wish.expand.includes(name));
  return { _id: all['_id'] ?? null, id: all['id'] ?? null, ...Object.fromEntries(asked) };
}

function fieldsOf(entry: Entry, wish: Wish): Json {
  const { namespace, name, task, visibility, publishedAt, modelId } = entry;
  const time = new Date(publishedAt).toISOString();
  const id = `${namespace}/${name}`;
  const tags = tagsOf(entry);
  return {
    // Twelve bytes, as a database would have given it.
    _id: modelId.slice(0, 24),
    id,
    modelId: id,
    author: namespace,
    sha: commitOf(entry),
    private: visibility === 'private',
    gated: false,
    disabled: false,
    downloads: 0,
    downloadsAllTime: 0,
    likes: 0,
    createdAt: time,
    lastModified: time,
    tags,
    library_name: 'onnx',
    ...(task === '' ? {} : { pipeline_tag: task }),
    cardData: cardOf(entry),
    config: {},
    spaces: [],
    siblings: [...entry.contents.values()].map((file) => ({
      rfilename: file.path,
      ...(wish.blobs === 'with' ? { size: file.size, blobId: blobId(file), lfs: lfsWithSha(file) } : {}),
    })),
  };
}

function lfsWithSha(file: Parameters<typeof lfsOf>[0]): JsonValue {
  const { oid, size, pointerSize } = lfsOf(file);
  return { sha256: oid, size, pointerSize };
}

function cardOf({ licence, tags, task, version, modelId, status }: Entry): Json {
  const said = { version, model_id: modelId, status: status?.status ?? 'active' };
  return { license: licence.toLowerCase(), tags, ...(task === '' ? {} : { pipeline_tag: task }), proofmark: said };
}

/** The publisher's own, and those by which these libraries filter. */
export function tagsOf({ tags, task, licence }: Entry): readonly string[] {
  return [...new Set([...tags, 'onnx', ...(task === '' ? [] : [task]), `license:${licence.toLowerCase()}`])];
}
