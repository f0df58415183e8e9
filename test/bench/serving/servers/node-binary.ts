import { Tensor } from 'onnxruntime-node';
import { answerFailure, answerRow, readRow } from './body.ts';
import { INPUTS, listen, openModel } from './listen.ts';

/** No framework and no JSON: raw floats in, raw floats out, one run of the engine for each request. */
const session = await openModel();
listen((request, response) => {
  readRow(request, response, (row) => {
    session.run({ input: new Tensor('float32', row, [1, INPUTS]) }).then(
      ({ logits }) => answerRow(response, logits?.data as Float32Array),
      () => answerFailure(response),
    );
  });
});
