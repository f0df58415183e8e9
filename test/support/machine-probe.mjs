// Runs as root inside a test's machine, in the launcher's place: answers one probe per line on the worker's socket.
import { execFile } from 'node:child_process';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { promisify } from 'node:util';

/** By names that exist inside the machine only. */
const native = createRequire(import.meta.url);
const run = promisify(execFile);

const outcome = (act) => {
  try {
    const value = act();
    return value === undefined ? 'done' : value;
  } catch (error) {
    return error.code ?? String(error.message);
  }
};
const status = (text) => Object.fromEntries(text.split('\n').map((line) => line.split(':\t')));
const base64 = (bytes) => Buffer.from(bytes).toString('base64');

/** Run by other users, with `outcome` and `status` in front. */
const AS_USER = `
const fs = require('node:fs'); const net = require('node:net');
const outcome = ${outcome.toString()};
const status = ${status.toString()};
const { Groups, CapEff, CapBnd, NoNewPrivs } = status(fs.readFileSync('/proc/self/status', 'utf8'));
const reach = (where) => new Promise((resolve) => {
  const socket = net.connect(where, () => { socket.destroy(); resolve('connected'); });
  socket.on('error', (error) => resolve(error.code));
});
(async () => console.log(JSON.stringify({
  uid: process.getuid(), groups: Groups.trim(), capabilities: CapEff + CapBnd, noNewPrivileges: NoNewPrivs,
  nsm: outcome(() => fs.openSync('/dev/nsm', 'r+')),
  cuse: outcome(() => fs.openSync('/dev/cuse', 'r+')),
  port: outcome(() => fs.openSync('/dev/vport0p2', 'r+')),
  processes: fs.readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name)).length,
  worker: await reach('/run/link/worker.sock'),
  network: await reach({ host: '192.0.2.1', port: 53 }),
  interfaces: fs.readdirSync('/sys/class/net'),
})))();
`;

const asUser = async (program, args) => JSON.parse((await run(program, args, { uid: undefined })).stdout);

/** Nobody may read it anywhere. */
const SAID = 'a launcher says this';

const probes = {
  outputs: () => {
    writeFileSync(1, `${SAID}\n`);
    writeFileSync(2, `${SAID}\n`);
    return { outputs: [1, 2].map((fd) => readlinkSync(`/proc/self/fd/${fd}`)), said: SAID };
  },
  machine: () => ({
    interfaces: readdirSync('/sys/class/net'),
    disks: readdirSync('/sys/class/block'),
    environment: Object.keys(process.env),
    seccomp: status(readFileSync('/proc/self/status', 'utf8')).Seccomp,
    modulesDisabled: readFileSync('/proc/sys/kernel/modules_disabled', 'utf8').trim(),
    writes: ['/x', '/etc/x', '/app/x', '/sys/x', '/run/x'].map((path) => outcome(() => writeFileSync(path, ''))),
    mounts: readFileSync('/proc/self/mounts', 'utf8').trim().split('\n'),
  }),
  client: () => {
    const nsm = native('/probe/nsm.node');
    const fd = nsm.open();
    const register = (index) => {
      const { lock, data } = nsm.getPcrDescription(fd, index);
      return { lock, data: base64(data) };
    };
    const before = register(16);
    const extended = base64(nsm.extendPcr(fd, 16, Buffer.alloc(32, 9)));
    nsm.lockPcr(fd, 16);
    const refused = outcome(() => base64(nsm.extendPcr(fd, 16, Buffer.alloc(32, 9))));
    nsm.lockPcrs(fd, 20);
    const result = {
      description: nsm.getDescription(fd),
      random: [base64(nsm.getRandom(fd)), base64(nsm.getRandom(fd))],
      image: [0, 1, 2].map(register),
      before,
      extended,
      after: register(16),
      refused,
      ranged: [19, 20].map((index) => register(index).lock),
      document: base64(nsm.getAttestationDoc(fd, Buffer.alloc(32, 1), Buffer.alloc(32, 7), Buffer.alloc(65, 3))),
    };
    nsm.close(fd);
    return result;
  },
  device: async () => {
    const guard = native('/app/guard.node');
    const fd = openSync('/dev/nsm', 'r+');
    const ask = async (bytes) => {
      const answer = await guard.nsmExchange(fd, bytes);
      return typeof answer === 'number' ? answer : base64(answer);
    };
    const many = await Promise.all(Array.from({ length: 20 }, () => ask(Buffer.from('\x69GetRandom', 'latin1'))));
    const result = {
      malformed: await ask(Uint8Array.of(0xff)),
      longest: await ask(new Uint8Array(0x1000)),
      tooLong: outcome(() => guard.nsmExchange(fd, new Uint8Array(0x1001))),
      different: new Set(many).size,
      read: outcome(() => readFileSync(fd)),
    };
    closeSync(fd);
    return result;
  },
  user: () => asUser('/bin/confine', ['--parent', `${process.pid}`, '--id', '1000', '--', '/bin/node', '-e', AS_USER]),
  model: () =>
    asUser('/bin/confine', [
      ...['--parent', `${process.pid}`, '--namespaces', 'root', '--id', '1000'],
      ...['--cover', '/run/link', '--cover', '/dev', '--', '/bin/node', '-e', AS_USER],
    ]),
};

createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', async (chunk) => {
    const name = chunk.toString('latin1').trim();
    const result = await Promise.resolve()
      .then(() => probes[name]())
      .catch((error) => ({ failed: String(error.stack) }));
    socket.write(`${JSON.stringify(result)}\n`);
  });
}).listen('/run/link/worker.sock', () => {
  // As the worker does: the bridge is another user.
  chmodSync('/run/link/worker.sock', 0o666);
});
