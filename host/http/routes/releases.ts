import type { Request, RequestHandler } from 'express';
import { toBase64url, toHex } from '../../../wire/bytes.ts';
import type { Release } from '../../releases.ts';
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

function named({ releases }: AppContext, request: Request): Release {
  const found = releases().find(({ modelId }) => toHex(modelId) === request.params['modelId']);
  if (found === undefined) throw new HttpError('model_unknown');
  return found;
}
