/**
 * The operators of the standard ONNX domain that a release may use (DESIGN section 7): pure functions of their inputs
 * whose work is bounded by the sizes of their inputs and outputs. Sizes themselves are not judged here: ConstantOfShape,
 * Expand, Tile, Range, Pad and Resize can ask for any amount of memory from a few bytes, and the child's memory limit
 * and deadline stop them.
 */
const groups = {
  elementwise: `Abs Acos Acosh Add And Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast
    CastLike Ceil Celu Clip Cos Cosh CumSum Div Elu Equal Erf Exp Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish
    Identity IsInf IsNaN LeakyRelu Less LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu
    Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Tan Tanh ThresholdedRelu Where Xor`,
  linear: `Conv ConvInteger ConvTranspose DeformConv Einsum Gemm MatMul MatMulInteger QLinearConv QLinearMatMul`,
  sequence: `Attention GRU LSTM RNN RotaryEmbedding`,
  normalisation: `BatchNormalization Dropout GroupNormalization Hardmax InstanceNormalization LRN LayerNormalization
    LogSoftmax LpNormalization MeanVarianceNormalization RMSNormalization Softmax`,
  pooling: `AveragePool GlobalAveragePool GlobalLpPool GlobalMaxPool LpPool MaxPool MaxRoiPool MaxUnpool RoiAlign`,
  reduction: `ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare TopK`,
  shape: `AffineGrid CenterCropPad Col2Im Compress Concat Constant ConstantOfShape DepthToSpace Expand EyeLike Flatten
    Gather GatherElements GatherND GridSample NonMaxSuppression NonZero OneHot Pad Range Reshape Resize ReverseSequence
    ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile Transpose Trilu Unique Unsqueeze Upsample`,
  quantisation: `DequantizeLinear DynamicQuantizeLinear QuantizeLinear`,
} as const;

export const allowedOperators: ReadonlySet<string> = new Set(
  Object.values(groups).flatMap((names) => names.split(/\s+/)),
);

const SUBGRAPH = 'it runs a subgraph, so its work depends on data (a Loop of 233 bytes never ends)';
const RANDOM = 'it draws random numbers, so nobody could repeat the result';
const CODEC = 'it parses a foreign format inside the engine';

/** Known operators that are refused on purpose, with the reason that the publisher reads. `If` passes in language models. */
export const refusedOperators: ReadonlyMap<string, string> = new Map([
  ['If', SUBGRAPH],
  ['Loop', SUBGRAPH],
  ['Scan', SUBGRAPH],
  ['SequenceMap', SUBGRAPH],
  ['Bernoulli', RANDOM],
  ['Multinomial', RANDOM],
  ['RandomNormal', RANDOM],
  ['RandomNormalLike', RANDOM],
  ['RandomUniform', RANDOM],
  ['RandomUniformLike', RANDOM],
  ['ImageDecoder', CODEC],
  ['RegexFullMatch', CODEC],
]);
