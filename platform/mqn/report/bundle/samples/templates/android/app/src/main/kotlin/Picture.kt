package com.example.hdr

/** A picture of floats, row by row, `channels` values a pixel. */
class Picture(val width: Int, val height: Int, val channels: Int = 3) {
    val values = FloatArray(width * height * channels)

    fun at(x: Int, y: Int) = (y * width + x) * channels

    /** The mean of what falls on each pixel of a smaller size. */
    fun reduced(wide: Int, tall: Int) = resampled(wide, tall, ::areaWeights)

    /** Interpolated linearly to a larger size. */
    fun enlarged(wide: Int, tall: Int) = resampled(wide, tall, ::linearWeights)

    /** A part of it; beyond its edges the nearest pixel is repeated. */
    fun part(left: Int, top: Int, wide: Int, tall: Int): Picture {
        val made = Picture(wide, tall, channels)
        for (y in 0 until tall) for (x in 0 until wide) {
            val from = at((left + x).coerceIn(0, width - 1), (top + y).coerceIn(0, height - 1))
            values.copyInto(made.values, made.at(x, y), from, from + channels)
        }
        return made
    }

    /** `change` of each pixel's values into as many as `channels` says. */
    inline fun map(channels: Int, change: (from: FloatArray, at: Int, to: FloatArray, put: Int) -> Unit): Picture {
        val made = Picture(width, height, channels)
        for (pixel in 0 until width * height) change(values, pixel * this.channels, made.values, pixel * channels)
        return made
    }

    private fun resampled(wide: Int, tall: Int, weights: (Int, Int) -> List<Weights>): Picture {
        val across = weights(width, wide)
        val down = weights(height, tall)
        val narrow = Picture(wide, height, channels)
        for (y in 0 until height) for (x in 0 until wide) across[x].sum(values, at(0, y), channels, narrow, narrow.at(x, y))
        val made = Picture(wide, tall, channels)
        for (y in 0 until tall) for (x in 0 until wide)
            down[y].sum(narrow.values, narrow.at(x, 0), wide * channels, made, made.at(x, y))
        return made
    }
}

/** Which values of a row or a column make a new one. */
private class Weights(val first: Int, val shares: FloatArray) {
    fun sum(from: FloatArray, base: Int, step: Int, to: Picture, at: Int) {
        for (channel in 0 until to.channels) {
            var total = 0f
            for (index in shares.indices) total += shares[index] * from[base + (first + index) * step + channel]
            to.values[at + channel] = total
        }
    }
}

private fun areaWeights(from: Int, to: Int) = List(to) { index ->
    val begin = index.toDouble() * from / to
    val end = (index + 1.0) * from / to
    val first = begin.toInt()
    val last = Math.ceil(end - 1e-9).toInt().coerceIn(first + 1, from)
    val shares = FloatArray(last - first) {
        ((minOf(end, first + it + 1.0) - maxOf(begin, (first + it).toDouble())) / (end - begin)).toFloat()
    }
    Weights(first, shares)
}

private fun linearWeights(from: Int, to: Int) = List(to) { index ->
    val place = ((index + 0.5) * from / to - 0.5).coerceIn(0.0, from - 1.0)
    val first = minOf(place.toInt(), maxOf(from - 2, 0))
    val share = (place - first).toFloat()
    Weights(first, if (from == 1) floatArrayOf(1f) else floatArrayOf(1f - share, share))
}

fun luminance(values: FloatArray, at: Int) =
    0.212656f * values[at] + 0.715158f * values[at + 1] + 0.072186f * values[at + 2]

/** Linear light of an sRGB code value in [0, 1]. */
fun linear(code: Float) =
    if (code <= 0.04045f) code / 12.92f else Math.pow((code + 0.055) / 1.055, 2.4).toFloat()
