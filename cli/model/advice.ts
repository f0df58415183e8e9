/** What a publisher does about what the worker's scan says. By its codes, and for operators by its reasons. */
const byCode: Readonly<Record<string, string>> = {
  onnx_malformed:
    'Write the file again with onnx.save(onnx.load(path), path): it is cut, damaged, or spelled in an unusual way.',
  onnx_unknown_field: 'Write the file with a released version of onnx: it has fields that no released format has.',
  onnx_other_format: 'Publish the ONNX file that this was made from: the engine’s own format is not read.',
  onnx_too_large: 'Make the model smaller, or simplify its graph (onnxsim folds constants and drops what is not used).',
  onnx_version:
    'Convert it with onnx.version_converter.convert_version(model, 17), or export it anew for operator set 17.',
  onnx_domain:
    'Export for the standard operators only: fusing for one runtime, as its optimiser does, leaves operators of its own.',
  onnx_external_data: 'Save it as one file: onnx.save_model(model, path, save_as_external_data=False).',
  onnx_dimension: 'Fix the shape: a dimension is negative, or a tensor larger than the engine can count.',
  onnx_trees: 'Train or export with fewer levels, and check that the converter writes every tree with one root.',
};

const byReason: readonly (readonly [RegExp, string])[] = [
  [
    /subgraph|branches/,
    'Export without control flow: trace the model with fixed settings, or unroll loops of a known length.',
  ],
  [
    /random/,
    'Take the randomness out, or make it an input: whoever asks can then send it, and anybody can repeat the result.',
  ],
  [/training/, 'Export for inference: model.eval() in PyTorch, training=False in Keras.'],
  [/foreign format|maps or texts/, 'Do that step before the call, and let the model begin and end with tensors.'],
  [
    /not on the list/,
    'Export for another operator set, or replace the operator by ones that are listed; it may also be misspelled.',
  ],
  [/sparse/, 'Store weights densely.'],
  [/functions?/, 'Inline the functions of the model: onnx.inliner.inline_local_functions(model).'],
  [/dense tensors/, 'Give the model inputs and outputs that are tensors: no sequences, maps or optional values.'],
];

export function adviceFor(code: string, detail: string): string {
  const found = byReason.find(([reason]) => reason.test(detail))?.[1];
  if (code === 'onnx_operator' || code === 'onnx_unsupported') {
    return found ?? 'Export it anew without that part.';
  }
  return byCode[code] ?? found ?? 'Export it anew without that part.';
}
