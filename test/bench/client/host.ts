import { serveHost } from '../../client/http-host.ts';
import { createWorld } from '../../client/world.ts';

/** The other side of a client that is measured, in a process of its own: only the client's work counts. */
const world = await createWorld();
const { url } = await serveHost(world.host);
const { rules, now } = world;
const model = Buffer.from(world.demo.modelId).toString('hex');
process.stdout.write(`${JSON.stringify({ url, rules, now, model })}\n`);
