import type { Request, RequestHandler } from 'express';
import { concatBytes, toBase64url, toHex } from '../../../wire/bytes.ts';
import type { ManifestFile } from '../../../wire/message/manifest.ts';
import { shownFiles } from '../../../wire/message/shown-files.ts';
import type { Release } from '../../releases.ts';
import { BINARY_TYPE } from '../answer.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';

/** Releases as their owners signed them. A list is a claim, by which releases are fetched that prove themselves. */
export function listReleases({ releases }: AppContext): RequestHandler {
  return (_request, response) => {
    const list = releases().map(({ modelId, manifest: { name, version } }) => ({
      modelId: toHex(modelId),
      name,
      version,
    }));
    response.json(list);
  };
}

export function signedRelease(context: AppContext): RequestHandler {
  return (request, response) => {
    const { manifest, owner, signature } = named(context, request).signed;
    response.json({
      manifest: toBase64url(manifest),
      owner: toBase64url(owner),
      signature: toBase64url(signature),
    });
  };
}

/** The very bytes that the owner signed, or nothing: a client holds the host responsible for what it shows. */
export function releaseStatusRoute(context: AppContext): RequestHandler {
  return async (request, response) => {
    const release = named(context, request);
    const kept = await release.status();
    if (kept.kind === 'unusable') {
      context.onEvent({ event: 'status_unusable', modelId: toHex(release.modelId), code: kept.code });
    }
    if (kept.kind !== 'signed') throw new HttpError('status_unknown');
    response.type('application/json').send(Buffer.from(kept.bytes));
  };
}

/**
 * Cards and samples, for people who look at a model before they ask it. Whoever shows one holds it against the digest in
 * the manifest: what a person or a program put into it is not looked at here, so that it is never anything but a download.
 */
export function releaseFileRoute(context: AppContext): RequestHandler {
  return async (request, response) => {
    const release = named(context, request);
    const path = ([] as readonly string[]).concat(request.params['path'] ?? []).join('/');
    const file = shownFiles(release.manifest).find((each) => each.path === path);
    // Of an encrypted release the plain text is where its key is, and that is not here.
    if (file === undefined || release.encryption !== null) throw new HttpError('file_unknown');
    const bytes = await readFile(release, file);
    response.setHeader('Content-Disposition', 'attachment');
    response.type(BINARY_TYPE).send(Buffer.from(bytes));
  };
}

/** A file that has grown since it was published is no file of the release, and is not read to its end. */
async function readFile(release: Release, { path, size }: ManifestFile): Promise<Uint8Array> {
  const index = release.manifest.files.findIndex((file) => file.path === path);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of release.read(index)) {
    length += piece.length;
    if (length > size) break;
    pieces.push(piece);
  }
  if (length !== size) throw new HttpError('file_unknown');
  return concatBytes(...pieces);
}

function named({ releases }: AppContext, request: Request): Release {
  const found = releases().find(({ modelId }) => toHex(modelId) === request.params['modelId']);
  if (found === undefined) throw new HttpError('model_unknown');
  return found;
}
