package com.example.hdr

import kotlin.math.log2
import kotlin.math.sqrt

/** What Ultra HDR adds to a picture: gains from its light to the model's, as bytes from `low` to `high` stops. */
class GainMap(val width: Int, val height: Int, val codes: ByteArray, val low: Float, val high: Float, val headroom: Float)

/** Added to both pictures, so that black has a gain. */
const val OFFSET = 1f / 1024

/** A map needs no more pixels. */
private const val MAP_PIXELS = 1 shl 20
private const val LEAST_STOPS = 1f / 64
private const val MOST_STOPS = 24f

/** (width, height) at which a picture goes through the model: at most a megapixel, multiples of STRIDE. */
fun mapSize(width: Int, height: Int): Pair<Int, Int> {
    val share = minOf(1.0, sqrt(MAP_PIXELS.toDouble() / (width.toDouble() * height)))
    fun side(length: Int) = maxOf(STRIDE, (length * share).toInt() / STRIDE * STRIDE)
    return Pair(side(width), side(height))
}

/** The map from a picture's code values to the model's light, both of one size. */
fun gainMap(ldr: Picture, light: Picture): GainMap {
    val pixels = ldr.width * ldr.height
    val base = FloatArray(pixels) {
        val at = it * 3
        0.212656f * linear(ldr.values[at]) + 0.715158f * linear(ldr.values[at + 1]) + 0.072186f * linear(ldr.values[at + 2])
    }
    val above = FloatArray(pixels) { luminance(light.values, it * 3) }
    val level = level(base, above)
    for (pixel in 0 until pixels) above[pixel] *= level
    val stops = FloatArray(pixels) {
        log2((maxOf(above[it], 0f) + OFFSET) / (base[it] + OFFSET)).coerceIn(-MOST_STOPS, MOST_STOPS)
    }
    val low = percentile(stops, 0.001) // a few black pixels would take the codes from all others
    val high = maxOf(stops.max(), low + LEAST_STOPS)
    val codes = ByteArray(pixels) { Math.rint((stops[it] - low) * 255.0 / (high - low)).coerceIn(0.0, 255.0).toInt().toByte() }
    val headroom = log2(maxOf(percentile(above, 0.999), 1f)).coerceIn(LEAST_STOPS, MOST_STOPS)
    return GainMap(ldr.width, ldr.height, codes, low, high, headroom)
}

/** The factor that gives the model's light the picture's brightness, where the picture is neither dark nor clipped. */
private fun level(base: FloatArray, light: FloatArray): Float {
    val shown = ratios(base, light, 0.033f, 0.79f).ifNone { ratios(base, light, 0f, Float.MAX_VALUE) }
    return if (shown.isEmpty()) 1f else percentile(shown, 0.5)
}

private fun ratios(base: FloatArray, light: FloatArray, above: Float, below: Float): FloatArray {
    val found = FloatArray(base.size)
    var count = 0
    for (at in base.indices)
        if (base[at] > above && base[at] < below && light[at] > 0f) found[count++] = base[at] / light[at]
    return found.copyOf(count)
}

private fun FloatArray.ifNone(other: () -> FloatArray) = if (isEmpty()) other() else this

private fun percentile(values: FloatArray, share: Double): Float {
    val sorted = values.sortedArray()
    val place = share * (sorted.size - 1)
    val first = place.toInt()
    val next = minOf(first + 1, sorted.size - 1)
    return (sorted[first] + (place - first) * (sorted[next] - sorted[first])).toFloat()
}
