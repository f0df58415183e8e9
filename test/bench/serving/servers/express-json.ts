import express from 'express';
import { Tensor } from 'onnxruntime-node';
import { INPUTS, listen, openModel } from './listen.ts';

/** The server that people write: express, a JSON body, one run of the engine for each request, a JSON answer. */
const session = await openModel();
const app = express();
app.use(express.json({ limit: '1mb' }));
app.post('/infer', async (request, response) => {
  const { input } = request.body as { readonly input?: unknown };
  if (!Array.isArray(input) || input.length !== INPUTS) {
    response.status(400).json({ error: `input must have ${INPUTS} numbers` });
    return;
  }
  const tensor = new Tensor('float32', Float32Array.from(input as readonly number[]), [1, INPUTS]);
  const { logits } = await session.run({ input: tensor });
  response.json({ logits: Array.from(logits?.data as Float32Array) });
});
listen(app);
