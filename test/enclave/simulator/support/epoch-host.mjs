// Stands in for the host: stays connected to the worker, and says each time whom it found.
import { connect } from 'node:net';

const [, , workerSocket] = process.argv;
function dial() {
  const socket = connect(workerSocket);
  let line = '';
  socket.on('data', (chunk) => {
    line += chunk;
    if (line.endsWith('\n')) {
      console.log(line.trim());
      line = '';
    }
  });
  socket.on('error', () => {});
  socket.on('close', () => setTimeout(dial, 20));
}
dial();
process.on('SIGTERM', () => {
  console.log('finishing');
  process.exit(0);
});
