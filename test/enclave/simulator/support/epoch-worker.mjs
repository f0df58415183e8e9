// Stands in for the worker's bundle: takes the device, and tells everybody who connects to the link which epoch this is.
import { randomBytes } from 'node:crypto';
import { connect, createServer } from 'node:net';

const option = (name) => process.argv[process.argv.indexOf(name) + 1];
const epoch = randomBytes(8).toString('hex');

function text(value) {
  return Buffer.concat([Buffer.of(0x60 + value.length), Buffer.from(value)]);
}
const NULL = Buffer.of(0xf6);
const fields = ['user_data', 'nonce', 'public_key'].flatMap((name) => [text(name), NULL]);
const request = Buffer.concat([Buffer.of(0xa1), text('Attestation'), Buffer.of(0xa3), ...fields]);

const device = connect(option('--attester').replace('nsm-socket:', ''));
device.on('close', () => process.exit(3)).on('error', () => {});
device.write(Buffer.concat([Buffer.of(0, 0, 0, request.length), request]));
let answer = Buffer.alloc(0);
await new Promise((resolve) => {
  device.on('data', (chunk) => {
    answer = Buffer.concat([answer, chunk]);
    if (answer.length >= 4 && answer.length === 4 + answer.readUInt32BE(0)) resolve();
  });
});

const hello = JSON.stringify({ epoch, pid: process.pid, response: answer.subarray(4).toString('base64url') });
createServer((socket) => socket.on('error', () => {}).write(`${hello}\n`)).listen(option('--link'), () =>
  console.log('listening'),
);
