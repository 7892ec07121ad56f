"""Phrases: what people might type, to measure an index with the kind of query it will be asked."""

_SOUNDS = (
    "a dog barking", "a cat meowing", "birds singing", "crickets chirping", "a horse galloping",
    "a rooster crowing", "rain on a roof", "a thunderstorm", "wind in the trees", "ocean waves", "a river flowing",
    "water dripping", "fire crackling", "footsteps on gravel", "a door creaking", "a door slamming",
    "glass breaking", "keys jingling", "a clock ticking", "a telephone ringing", "an alarm clock",
    "a fire engine siren", "a car horn", "a car engine starting", "a motorcycle passing by", "a train on rails",
    "an airplane taking off", "a helicopter", "a boat engine", "a bicycle bell", "a hammer on wood", "a chainsaw",
    "a drill", "a vacuum cleaner", "a washing machine", "typing on a keyboard", "a camera shutter", "an explosion",
    "a gunshot", "fireworks", "a sword being drawn", "a punch", "a whoosh", "a laser shot", "a coin pickup",
    "a retro game jump", "a magic spell", "a monster growling", "a crowd cheering",
    "people talking in a restaurant", "a man speaking", "a woman singing", "a child laughing", "a baby crying",
    "a person coughing", "a sneeze", "snoring", "applause", "a church bell", "a gong", "a piano melody",
    "an acoustic guitar", "a distorted electric guitar", "a bass line", "a drum loop", "a snare hit", "a kick drum",
    "a hi-hat", "a violin", "a flute", "a trumpet fanfare", "a saxophone solo", "an orchestra", "an organ",
    "a synthesizer pad", "a deep drone", "white noise", "a sine tone", "a heartbeat", "a page being turned",
    "paper tearing", "zipping a jacket", "eating an apple", "pouring water into a glass", "frying in a pan",
    "a kettle whistling", "an owl hooting", "frogs in a pond", "a cow mooing", "a sheep", "bees buzzing",
    "a lion roaring", "an elevator", "a cash register", "a subway station", "a busy street",
    "a quiet forest at night", "a typewriter", "a radio between stations", "a robot voice",
)  # fmt: skip
_SETTINGS = ("{}", "the sound of {} far away")

PHRASES: list[str] = [setting.format(sound) for setting in _SETTINGS for sound in _SOUNDS]
"""Some two hundred descriptions of sounds, in English."""
