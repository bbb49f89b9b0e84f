#!/bin/sh
# Prints what TensorFlow Lite's benchmark_model documents, for tests: it runs no model. A file that does not begin like a
# TFLite file is refused; its GPU takes files above 2000 bytes only.
profiling= memory= delegate=xnnpack
for flag in "$@"; do
  case $flag in
    --help) printf 'usage: benchmark_model <flags>\nFlags:\n\t--graph=\tstring\n\t--use_gpu=false\tbool\n'; exit 1 ;;
    --graph=*) graph=${flag#*=} ;;
    --use_gpu=true) delegate=gpu ;;
    --use_xnnpack=false) delegate=none ;;
    --enable_op_profiling=true) profiling=1 ;;
    --report_peak_memory_footprint=true) memory=1 ;;
  esac
done
echo "INFO: STARTING!"
echo "INFO: Graph: [$graph]"
if [ "$(dd if="$graph" bs=1 skip=4 count=4 2>/dev/null)" != TFL3 ]; then
  echo "ERROR: Failed to mmap model $graph"
  echo "ERROR: Benchmarking failed."
  exit 1
fi
size=$(wc -c < "$graph")
echo "INFO: Loaded model $graph"
case $delegate in
  xnnpack)
    echo "VERBOSE: Replacing 3 out of 4 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 2 partitions for the whole graph."
    echo "INFO: Explicitly applied XNNPACK delegate, and the model graph will be partially executed by the delegate w/ 1 delegate kernels." ;;
  gpu)
    if [ "$size" -gt 2000 ]; then
      echo "INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate."
    else
      echo "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate."
    fi ;;
esac
echo "INFO: Initialized session in 2.301ms."
echo "INFO: count=12 first=1250 curr=1010 min=1001 max=1250 avg=1038.5 std=66"
echo "INFO: count=1 curr=1003"
echo "INFO: Inference timings in us: Init: 2301, First inference: 1250, Warmup (avg): 1038.5, Inference (avg): 1003"
if [ $memory ]; then
  mib=$((size / 1000 + 3))
  echo "INFO: Memory footprint delta from the start of the tool (MB): init=1.2 overall=$mib.5"
  echo "INFO: Overall peak memory footprint (MB) via periodic monitoring: $((mib + 4)).5"
fi
if [ $profiling ]; then
  printf 'Profiling Info for Benchmark Initialization:\n============================== Run Order ==============================\n'
  printf '\t             [node type]\t  [first]\t [avg ms]\t     [%%]\t  [cdf%%]\t  [mem KB]\t[times called]\t[Name]\n'
  printf '\t ModifyGraphWithDelegate\t    1.100\t    1.100\t 90.000%%\t 90.000%%\t   588.000\t        1\tModifyGraphWithDelegate/0\n\n'
  printf 'Operator-wise Profiling Info for Regular Benchmark Runs:\n============================== Run Order ==============================\n'
  printf '\t             [node type]\t  [first]\t [avg ms]\t     [%%]\t  [cdf%%]\t  [mem KB]\t[times called]\t[Name]\n'
  printf '\t                    CAST\t    0.010\t    0.012\t  1.196%%\t  1.196%%\t     0.000\t        1\t[cast]:0\n'
  printf '\tConvolution (NHWC, F32) IGEMM\t    0.900\t    0.950\t 94.716%%\t 95.912%%\t     0.000\t        1\tDelegate/Convolution (NHWC, F32) IGEMM:0\n'
  printf '\n============================== Top by Computation Time ==============================\n'
  printf '\t             [node type]\t  [first]\t [avg ms]\t     [%%]\t  [cdf%%]\t  [mem KB]\t[times called]\t[Name]\n'
  printf '\tConvolution (NHWC, F32) IGEMM\t    0.900\t    0.950\t 94.716%%\t 94.716%%\t     0.000\t        1\tDelegate/Convolution (NHWC, F32) IGEMM:0\n'
fi
exit 0
