// Stands in for the worker's bundle: says what a program in its place can see and do, as one line of JSON.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { hostname } from 'node:os';

const [, , role, ...flags] = process.argv;
const option = (name) => flags[flags.indexOf(name) + 1];

function attempt(run) {
  try {
    return run();
  } catch (error) {
    return error.code;
  }
}

function dial(target) {
  return new Promise((resolve) => {
    const socket = connect(target);
    socket.once('connect', () => resolve('connected')).once('error', (error) => resolve(error.code));
    setTimeout(() => resolve('no answer'), 3_000).unref();
  });
}

const listened = (path) =>
  new Promise((resolve) => {
    const server = createServer();
    server
      .once('error', (error) => resolve(error.code))
      .listen(path, () => {
        server.close();
        resolve('listening');
      });
  });

const status = readFileSync('/proc/self/status', 'utf8');
const field = (name) => status.match(new RegExp(`^${name}:\\s*(.*)$`, 'm'))?.[1];
const write = (path) => attempt(() => writeFileSync(path, '') ?? 'written');
const targets = JSON.parse(readFileSync(new URL('./targets.json', import.meta.url), 'utf8'));

console.log(
  JSON.stringify({
    role,
    flags,
    environment: Object.keys(process.env),
    root: readdirSync('/').sort(),
    app: attempt(() => readdirSync('/app').sort()),
    processes: readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length,
    identity: [process.getuid(), process.getgid(), hostname()],
    capabilities: ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(field),
    noNewPrivileges: field('NoNewPrivs'),
    seccomp: [field('Seccomp'), field('Seccomp_filters')],
    // From the file: asking the kernel takes a kind of socket that the filter refuses.
    interfaces: readFileSync('/proc/net/dev', 'utf8').match(/^ *\w+(?=:)/gm),
    network: await dial({ host: '192.0.2.1', port: 80 }),
    loopback: await dial({ host: '127.0.0.1', port: targets.port }),
    abstractSocket: await dial(targets.abstractSocket),
    attester: await dial(option('--attester').replace('nsm-socket:', '')),
    link: await listened(option('--link')),
    reads: Object.fromEntries(targets.paths.map((path) => [path, attempt(() => readFileSync(path) && 'read')])),
    writes: Object.fromEntries(
      ['/', '/app', '/bin', '/dev', '/run/attester', '/tmp', '/run/private', '/run/link'].map((path) => [
        path,
        write(`${path}/written`),
      ]),
    ),
    private: write(`${option('--private')}/written`),
  }),
);
