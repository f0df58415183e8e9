import type { Request, RequestHandler } from 'express';
import { concatBytes } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { checkpointKeyPreimage, encodeCheckpoint } from '../../../wire/message/checkpoint.ts';
import { decodeIdentity, signerPoint } from '../../../wire/message/identity.ts';
import { parseTilePath, TILE_WIDTH, type Tile } from '../../../wire/tree/tiles.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import { logParameter } from '../parameters.ts';

const PREFIX = '/v1/log/';

/** The newest head as a signed note (C2SP tlog-checkpoint); never cached, since the next receipt replaces it. */
export function checkpointRoute({ journal, workers }: AppContext): RequestHandler {
  return (request, response) => {
    const log = logParameter(request) ?? workers.any().log;
    const newest = journal.newestHead(log);
    if (newest === undefined) throw new HttpError('log_unknown');
    const signer = signerPoint(decodeIdentity(journal.logInfo(log).identity));
    const keyId = sha256(checkpointKeyPreimage(log, signer));
    response.type('text/plain; charset=utf-8').send(encodeCheckpoint({ ...newest, keyId }));
  };
}

/**
 * C2SP tlog-tiles over leaf hashes, read from the tiles that proofs are made from. A tile of full width never changes, and
 * may be kept for ever where the request names the log; without a name, another worker's log may answer tomorrow.
 */
export function tileRoute({ journal, workers }: AppContext): RequestHandler {
  return (request, response) => {
    const tile = tileParameter(request);
    const named = logParameter(request);
    const hashes = journal.tile(named ?? workers.any().log, tile);
    if (hashes.length < tile.width) throw new HttpError('tile_unknown');
    response.setHeader('Cache-Control', named === undefined ? 'no-store' : lifetimeOf(tile));
    response.type('application/octet-stream').send(Buffer.from(concatBytes(...hashes)));
  };
}

function lifetimeOf({ width }: Tile): string {
  // One that is not full is replaced by a wider one soon, and nobody asks for it again.
  return width === TILE_WIDTH ? 'public, max-age=31536000, immutable' : 'public, max-age=60';
}

/** As it was sent: an escaped slash would give one tile many names. */
function tileParameter(request: Request): Tile {
  try {
    return parseTilePath(request.path.slice(PREFIX.length));
  } catch (error) {
    if (error instanceof WireError) throw new HttpError('request_invalid', { cause: error });
    throw error;
  }
}
