import { readFile } from 'node:fs/promises';
import { createServer, request as forward, type ServerResponse } from 'node:http';
import { join } from 'node:path';

/**
 * Serves the bundled page and its policy, and passes everything else on to a host, so that both have one origin:
 * `tsx serve.ts FOLDER HOST POLICY [PORT]`. It is part of what nobody has to believe, but for the page itself.
 */
const [folder = '', host = '', policyFile = '', port = '8080'] = process.argv.slice(2);
const here = import.meta.dirname;
const files: Readonly<Record<string, readonly [path: string, type: string]>> = {
  '/': [join(here, 'index.html'), 'text/html'],
  '/style.css': [join(here, 'style.css'), 'text/css'],
  '/page.js': [join(folder, 'page.js'), 'text/javascript'],
  '/policy.json': [policyFile, 'application/json'],
};

async function serveFile(response: ServerResponse, [path, type]: readonly [string, string]): Promise<void> {
  const body = await readFile(path);
  response.writeHead(200, { 'content-type': type, 'x-content-type-options': 'nosniff' }).end(body);
}

const server = createServer((request, response) => {
  const file = files[request.url ?? ''];
  if (file !== undefined) {
    serveFile(response, file).catch(() => response.writeHead(500).end());
    return;
  }
  const { host: _, connection: __, ...headers } = request.headers;
  const passed = forward(new URL(request.url ?? '/', host), { method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  passed.on('error', () => response.destroy());
  request.pipe(passed);
});
server.listen(Number(port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${(server.address() as { readonly port: number }).port}/`);
});
