"""Mixdown: blocks of samples in, blocks of a mono waveform at the asked rate out, with the loudness measured."""

import math

import numpy as np
import numpy.typing as npt
import soxr

_LEAST_PEAK, _MOST_PEAK, _N_SUMMED = 1e-10, 1e10, 1 << 14
_CANCELLED_SHARE = 0.1
_HEARD_SHARE = 0.01
_MUCH_LOUDER = 2.0
_NOTHING = np.zeros(0, dtype=np.float32)
# Full scale of libav's integer sample formats; unsigned 8 bit is centred on 128, floats are at scale already.
_FULL_SCALE = {"i2": 2.0**15, "i4": 2.0**31, "i8": 2.0**63}


class Mixdown:
    """A mono waveform that comes out block by block as it goes in, so that a long clip is never held whole."""

    def __init__(self, *, sampling_rate_hz: int) -> None:
        self._target_rate_hz = sampling_rate_hz
        self._source_rate_hz = sampling_rate_hz
        self._resampler: soxr.ResampleStream | None = None
        self._n_given = 0
        self._first_sample = np.zeros(1, dtype=np.float32)
        self._sum_of_squares = 0.0
        self._n_values = 0
        self._peak = 0.0
        self._duration_s = 0.0
        self._finite = True
        self._n_above = 0
        self._power_before = self._power_after = 0.0  # of what is resampled to a lower rate
        self._cancelled_s = 0.0
        self._loudest = 0  # channel

    @property
    def notes(self) -> tuple[str, ...]:
        """What a listener would want to know of what was put in, as the rest of a sentence that names the file."""
        notes = []
        if self._cancelled_s:
            notes.append(
                f"has channels that cancel each other out for {self._cancelled_s:.1f} s, of which the loudest is heard"
            )
        if self._n_above and self._power_after < _HEARD_SHARE * self._power_before:
            notes.append(
                f"has nearly all its sound above {self._target_rate_hz / 2000:g} kHz, which the encoder does not hear: "
                "slowed down, it would"
            )
        return tuple(notes)

    @property
    def finite(self) -> bool:
        """Whether every sample so far was a number (neither NaN nor infinite)."""
        return self._finite

    @property
    def peak(self) -> float:
        """Largest magnitude of any sample so far, 1 being full scale."""
        return self._peak

    @property
    def duration_s(self) -> float:
        """Seconds of sound added so far."""
        return self._duration_s

    @property
    def peak_dbfs(self) -> float | None:
        """Largest magnitude of any sample in any channel, in dB of full scale; None for digital silence."""
        return 20.0 * math.log10(self._peak) if self._peak > 0.0 else None

    @property
    def rms_dbfs(self) -> float | None:
        """Root mean square over all samples of all channels, in dB of full scale (a full-scale square wave is 0 dB)."""
        if self._sum_of_squares <= 0.0:
            return None
        return 10.0 * math.log10(self._sum_of_squares / self._n_values)

    def add(
        self, samples: npt.NDArray[np.generic], *, sampling_rate_hz: int, is_gap: bool = False
    ) -> npt.NDArray[np.float32]:
        """Put in a block of sound.

        Args:
            samples: Block [n_channels, n_samples]: uint8, int16, int32, int64, float32 or float64. The rate and the
                number of channels may differ from those of the block before.
            sampling_rate_hz: The block's rate.
            is_gap: Whether the block is silence that fills a gap: it takes its time, but does not count for the level.

        Returns:
            What that adds to the waveform [n], at the asked rate: it may lag behind, or be empty.
        """
        if samples.shape[1] == 0:
            return _NOTHING
        scaled = _to_float(samples)
        peak = max(float(scaled.max()), -float(scaled.min()))  # NaN if any sample is
        if not math.isfinite(peak):
            self._finite = False
            return _NOTHING
        if self._n_values == 0:
            self._first_sample = scaled[:, :1].mean(axis=0)
        self._peak = max(self._peak, peak)
        power = _sum_of_squares(scaled, peak)
        self._sum_of_squares += power
        self._n_values += 0 if is_gap else scaled.size
        self._duration_s += scaled.shape[1] / sampling_rate_hz
        mono = scaled[0] if len(scaled) == 1 else self._mixed(scaled, peak, power, sampling_rate_hz)
        waveform = self._resampled(mono, sampling_rate_hz)
        self._n_given += len(waveform)
        if sampling_rate_hz > self._target_rate_hz:
            self._n_above += len(mono)
            self._power_before += power / (sampling_rate_hz * len(scaled))
            self._power_after += float(np.dot(waveform, waveform)) / self._target_rate_hz
        return waveform

    def finish(self) -> npt.NDArray[np.float32]:
        """Close the waveform.

        Returns:
            The rest of it [n], at the asked rate. If anything was put in, at least one sample has come out by then.
        """
        rest = self._flushed()
        return rest if self._n_given or rest.size or not self._n_values else self._first_sample

    def _mixed(
        self, scaled: npt.NDArray[np.float32], peak: float, power: float, sampling_rate_hz: int
    ) -> npt.NDArray[np.float32]:
        """Average over channels; where they cancel each other out, as with reversed poles, take the loudest instead.

        Of channels that have nothing to do with each other, the power of the mean is the sum of their powers by the
        square of their number. A tenth of that can only be cancellation.
        """
        mono = _mean(scaled)
        if _sum_of_squares(mono, peak) * len(scaled) ** 2 >= _CANCELLED_SHARE * power:
            return mono
        powers = [_sum_of_squares(channel, peak) for channel in scaled]
        self._cancelled_s += scaled.shape[1] / sampling_rate_hz
        loudest = int(np.argmax(powers))
        if self._loudest >= len(powers) or powers[loudest] > _MUCH_LOUDER * powers[self._loudest]:
            self._loudest = loudest  # to change over is to be heard as a click, so it takes a reason
        return np.ascontiguousarray(scaled[self._loudest])

    def _resampled(self, mono: npt.NDArray[np.float32], sampling_rate_hz: int) -> npt.NDArray[np.float32]:
        before = _NOTHING
        if sampling_rate_hz != self._source_rate_hz:
            before = self._flushed()
            self._source_rate_hz = sampling_rate_hz
            if sampling_rate_hz != self._target_rate_hz:
                self._resampler = soxr.ResampleStream(
                    sampling_rate_hz, self._target_rate_hz, 1, dtype="float32", quality="HQ"
                )
        now: npt.NDArray[np.float32] = mono if self._resampler is None else self._resampler.resample_chunk(mono)
        return np.concatenate([before, now]) if before.size else now

    def _flushed(self) -> npt.NDArray[np.float32]:
        """Fetch what the resampler still holds back, and let go of it."""
        if self._resampler is None:
            return _NOTHING
        rest: npt.NDArray[np.float32] = self._resampler.resample_chunk(_NOTHING, last=True)
        self._resampler = None
        self._source_rate_hz = self._target_rate_hz
        return rest


def _mean(scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Average over channels; of two, which nearly all sound has, several times faster than numpy's own."""
    if len(scaled) != 2:
        return np.asarray(scaled.mean(axis=0), np.float32)
    mono: npt.NDArray[np.float32] = scaled[0] + scaled[1]
    mono *= np.float32(0.5)
    return mono


def _sum_of_squares(scaled: npt.NDArray[np.float32], peak: float) -> float:
    """Sum of squares over a block, in single precision where its squares neither vanish nor overflow there."""
    if not _LEAST_PEAK < peak < _MOST_PEAK:
        return float(np.square(scaled, dtype=np.float64).sum())
    flat = np.ascontiguousarray(scaled).ravel()
    return sum(float(np.dot(part, part)) for part in np.array_split(flat, flat.size // _N_SUMMED + 1))


def _to_float(samples: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Bring integer samples [n_channels, n_samples] to the range -1 to 1; floats keep their values."""
    kind = samples.dtype.str[1:]
    if kind in _FULL_SCALE:  # powers of two: to multiply by the inverse is exact
        scale = np.float32(1 / _FULL_SCALE[kind])
        return np.asarray(np.multiply(samples, scale, dtype=np.float32, casting="unsafe"))
    if kind == "u1":
        return (samples.astype(np.float32) - np.float32(128.0)) / np.float32(128.0)
    with np.errstate(over="ignore"):  # a float64 too large for float32 becomes infinite, and is refused as such
        return samples.astype(np.float32)
