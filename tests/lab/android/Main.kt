package com.example.hdr

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Runs what needs no Android, on files: the folder, width and height of the picture in it, CUBE of the stand-in. */
fun main(words: Array<String>) {
    val (folder, width, height, cube) = words
    val ldr = Picture(width.toInt(), height.toInt())
    ByteBuffer.wrap(File("$folder/ldr.bin").readBytes()).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(ldr.values)
    val light = expand(ldr) { decoded(network(it, cube.toDouble()), it) }
    val bytes = ByteBuffer.allocate(light.values.size * 4).order(ByteOrder.LITTLE_ENDIAN)
    bytes.asFloatBuffer().put(light.values)
    File("$folder/light.bin").writeBytes(bytes.array())
    File("$folder/codes.bin").writeBytes(gainMap(ldr, light).codes)
}

/** Stands in for a network. */
private fun network(picture: Picture, cube: Double) = FloatArray(picture.values.size) {
    val x = picture.values[it].toDouble()
    (1 / (1 + Math.exp(-(x + cube * x * x * x)))).toFloat()
}
