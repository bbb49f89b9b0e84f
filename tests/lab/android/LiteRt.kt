package com.google.ai.edge.litert
import android.content.res.AssetManager
class LiteRtException(message: String) : Exception(message)
enum class Accelerator { NONE, CPU, GPU, NPU }
class Environment
class TensorBuffer : AutoCloseable { fun writeFloat(data: FloatArray) {}; fun readFloat(): FloatArray = FloatArray(0); override fun close() {} }
class CompiledModel private constructor() : AutoCloseable {
  class Options constructor(internal vararg val accelerators: Accelerator)
  fun createInputBuffer(inputName: String, signature: String? = null): TensorBuffer = TensorBuffer()
  fun createOutputBuffer(outputName: String, signature: String? = null): TensorBuffer = TensorBuffer()
  @JvmOverloads fun run(inputs: List<TensorBuffer>, signatureIndex: Int = 0): List<TensorBuffer> = inputs
  fun run(inputs: List<TensorBuffer>, outputs: List<TensorBuffer>, signatureIndex: Int = 0) {}
  fun run(inputs: Map<String, TensorBuffer>, outputs: Map<String, TensorBuffer>, signature: String? = null) {}
  override fun close() {}
  companion object {
    fun create(filePath: String, options: Options, optionalEnv: Environment? = null): CompiledModel = CompiledModel()
    fun create(assetManager: AssetManager, assetName: String, options: Options, optionalEnv: Environment? = null): CompiledModel = CompiledModel()
  }
}
