"""Words for sounds: the phrases, written for this recipe, around which the text tower is taught.

They cover far more than the training clips do. The text tower learns from the sentence encoder where all of them
belong, so that a word that no clip was labelled with still lands beside words that clips were labelled with.
"""

_EVENTS = """
a dog barking; a dog growling; a dog howling; a dog whimpering; a puppy yelping; dogs fighting; a dog panting
a wolf howling; a cat meowing; a cat purring; a cat hissing; a kitten mewing; a cow mooing; cattle lowing
a bull bellowing; a calf; a sheep bleating; a lamb; a goat bleating; a pig oinking; a piglet squealing
a horse neighing; a horse whinnying; a horse galloping; horse hooves on a road; a horse snorting; a donkey braying
a mule; a camel grunting; a llama; a rooster crowing; a hen clucking; chickens clucking; a chick peeping
a turkey gobbling; a duck quacking; ducks; a goose honking; an owl hooting; a cuckoo calling; a crow cawing
a raven croaking; a seagull crying; gulls at the sea; a pigeon cooing; a dove; a sparrow chirping
a songbird singing; birds chirping; birds singing in a forest; a bird call; a bird of prey screeching; an eagle
a hawk; a falcon; a parrot talking; a parrot squawking; a peacock calling; a woodpecker drumming on a tree; a robin
a blackbird; a nightingale singing; a finch; a lark; a swallow; a starling; a magpie; a jay; a crane calling
a heron; a swan; a penguin; an ostrich; wings flapping; a flock of birds; pigeons flying off; a pheasant; a quail
a kookaburra laughing; a lion roaring; a tiger growling; a leopard; a bear growling; an elephant trumpeting
a rhinoceros; a hippopotamus grunting; a monkey screaming; a chimpanzee; an ape; a gorilla; a deer calling
an elk bugling; a moose; a fox barking; a coyote howling; a hyena laughing; a zebra; a giraffe; a kangaroo
a squirrel chattering; a rabbit; a mouse squeaking; a rat; a guinea pig; a hamster; a bat; a seal barking
a sea lion; a walrus; a whale singing; a dolphin clicking; a fish; a frog croaking; frogs at night; a toad
a snake hissing; a rattlesnake rattling; a crocodile; an alligator bellowing; a lizard; a turtle; a cricket chirping
crickets at night; a cicada; a grasshopper; a bee buzzing; a swarm of bees; a wasp; a fly buzzing
a mosquito whining; an insect; insects in summer; a dinosaur roaring; a monster growling; a dragon roaring
a beast snarling

rain falling; heavy rain; light rain; rain on a roof; rain on a window; rain on leaves; a downpour; drizzle; hail
a hailstorm; thunder; a thunderstorm; distant thunder; a thunderclap; lightning strike; wind blowing; howling wind
strong wind; a gale; a breeze; wind in the trees; rustling leaves; wind through a window; a blizzard; a storm
a hurricane; a tornado; a sandstorm; snow; ocean waves; waves on a beach; surf; the sea; waves crashing on rocks
a lake; a river flowing; a stream; a babbling brook; a waterfall; a fountain; dripping water; a water drop
a leaking tap; water running from a tap; water pouring; filling a glass; pouring a drink; bubbles; boiling water
water splashing; a splash; jumping into water; swimming; diving; underwater sounds; a toilet flushing; a shower
a bathtub filling; a sink draining; gurgling water; a sprinkler; spraying water; steam hissing; fire
a crackling fire; a campfire; a fireplace; a blazing fire; flames; a torch; a match being struck; a lighter
burning wood; an earthquake; rumbling ground; an avalanche; a rockslide; falling rocks; a volcano erupting; lava
mud; ice cracking; jungle sounds; a forest by day; a forest at night; a swamp; a meadow; a cave; a farmyard
the countryside; a park; a zoo

a car passing by; a car engine; a car engine starting; an engine idling; an engine revving; a car accelerating
a car horn; a car door closing; tyres squealing; brakes screeching; a skid; a car crash; a car alarm; a truck
a lorry reversing; a bus; a motorcycle; a moped; a scooter; a racing car; a tractor; a bulldozer; an excavator
a tank rolling; a train; a steam train; a train whistle; a train horn; a train on rails; a tram; a subway
a railway crossing; a bicycle; a bicycle bell; a skateboard; roller skates; a wheelbarrow; a cart
a horse-drawn carriage; an aeroplane; a jet taking off; a propeller plane; a helicopter; a rocket launching
a spaceship; a ship; a ship horn; a foghorn; a boat engine; a motorboat; a rowing boat; a sailing boat; a ferry
city traffic; a busy road; a motorway; a street; road works; a petrol station; an airport; a railway station
a harbour; a police siren; an ambulance siren; a fire engine siren; an air raid siren; a siren; an alarm
a fire alarm; a smoke detector; a burglar alarm; an alarm clock ringing; a buzzer; a warning signal
an emergency alert; a reversing beep

a gunshot; gunfire; a pistol shot; a rifle shot; a shotgun blast; a machine gun; automatic gunfire; a sniper rifle
a revolver; reloading a gun; a gun being cocked; an empty gun clicking; a bullet ricochet; bullet casings falling
a cannon firing; artillery; an explosion; a distant explosion; a big blast; a bomb; a grenade; a mine; a missile
a rocket launcher; fireworks; a firecracker; a laser gun; a ray gun; a plasma gun; an energy weapon; a force field
a teleporter; a science fiction weapon; a light sabre; a sword being drawn; swords clashing; a sword swing; a knife
stabbing; an axe hitting; a bow and arrow; an arrow being shot; an arrow hitting a target; a catapult; a crossbow
a whip cracking; a spear; a shield hit; armour; a battle; soldiers marching; a punch; a kick; a slap; a blow
a hit on the body; a fight; a body falling; a magic spell; a magic sparkle; a fireball

a man speaking; a woman speaking; a child speaking; a girl talking; a boy talking; an old man talking
people talking; a conversation; a crowd talking; a speech; an announcement; a news reader; a radio host
a voice counting; spoken digits; spoken letters; a spoken word; a man shouting; a woman shouting; shouting; yelling
a battle cry; an order; a warning shout; whispering; mumbling; a robot voice; a computer voice; a telephone voice
a voice speaking English; a voice speaking Spanish; a voice speaking French; a voice speaking Italian
a voice speaking Russian; a voice speaking German; a voice speaking Chinese; a man screaming; a woman screaming
a scream of pain; a death cry; groaning; moaning; grunting; a grunt of effort; gasping; sighing; breathing
heavy breathing; panting; snoring; yawning; coughing; sneezing; sniffing; clearing the throat; hiccups; burping
farting; chewing; munching; crunching; slurping; drinking; swallowing; gargling; kissing; spitting; vomiting
humming; whistling; laughing; a man laughing; a woman laughing; a child laughing; giggling; an evil laugh; chuckling
crying; sobbing; a baby crying; a baby babbling; a baby laughing; an infant; a toddler; children playing
children shouting; a playground; singing; a man singing; a woman singing; a choir; a children's choir
an opera singer; rapping; beatboxing; yodelling; chanting; clapping; applause; cheering; a crowd cheering
a crowd booing; a football crowd; an audience laughing; a stadium; a party; finger snapping; rubbing hands
footsteps; footsteps on gravel; footsteps on wood; footsteps on snow; footsteps on metal; footsteps on grass
footsteps in water; walking on leaves; running; jumping; landing from a jump; stairs; a heartbeat; high heels

a door opening; a door closing; a door slamming; a creaking door; a squeaky hinge; a sliding door; a knock on a door
a doorbell; a key in a lock; a lock; a bolt; a metal gate; a garage door; a lift; a drawer; a cupboard
a window opening; curtains; blinds; glass breaking; a bottle breaking; a window being smashed; clinking glasses
dishes; cutlery; a plate dropping; pots and pans; frying food; cooking; chopping vegetables; a blender; a mixer
a microwave oven; a kettle; a coffee machine; a fridge; an oven; a toaster; a dishwasher; a washing machine
a tumble dryer; a vacuum cleaner; a hair dryer; an electric razor; a toothbrush; a fan; an air conditioner
a radiator; a clock ticking; a clock striking; a grandfather clock; a cuckoo clock; a kitchen timer; a stopwatch
a camera shutter; a printer; a photocopier; a typewriter; typing on a keyboard; a key press; a mouse click
a telephone ringing; a mobile phone vibrating; a ringtone; a dial tone; a busy signal; a modem; a fax; dialling
a text message; paper rustling; tearing paper; turning pages; writing with a pencil; scissors; a stapler; tape
a zipper; velcro; a bag; coins; coins dropping; a cash register; money; dice; cards being shuffled; marbles
a ball bouncing; a basketball; a tennis ball; a table tennis ball; a bowling ball; a snooker ball; a golf swing
a football kick; a referee whistle; a whistle being blown; a hammer; hammering; nails; a saw; sawing wood
a chainsaw; an electric drill; a jackhammer; a circular saw; a sander; a file; welding; an anvil; a blacksmith
chopping wood; a tree falling; digging; a shovel; a pickaxe; mining; masonry; a crane; a winch; a conveyor belt
a factory; machinery; a motor; an electric motor; a pump; a generator; a turbine; a compressor; hydraulics; gears
a ratchet; a spring; a lever; a switch; a button; a click; a chain; chains rattling; a rope; a pulley; a windmill
metal clanging; a metal hit; a metal scrape; a thud; a bang; a bump; a crash; something falling; something breaking
a collapse; wood cracking; a wood hit; a stone hit; stone scraping; gravel; sand; a squeak; a creak; a scratch
a scrape; a rattle; a rustle; a pop; a cork popping; a balloon bursting; a whoosh; a swoosh; a swish; a zap
an electric spark; electricity; a hum; a buzz; static; radio static; white noise; pink noise; a hiss; a drone
a sine tone; a beep; beeping; a blip; a chirp; a sweep; a glitch; a notification sound; an error sound
a success jingle; a menu click; a message alert; a game over sound; a power-up; a pickup; a computer starting
a robot; a science fiction ambience; a spaceship interior; a horror ambience; a drone ambience; silence

music; a melody; a song; a jingle; a fanfare; a chord; a scale; a drum beat; a drum loop; a drum roll; a bass line
a riff; a piano; an electric piano; a harpsichord; an organ; a church organ; an accordion; a harmonica; a concertina
a celesta; a guitar; an acoustic guitar; an electric guitar; a distorted guitar; a guitar strum; a bass guitar
a double bass; a banjo; a mandolin; a ukulele; a lute; a harp; a lyre; a sitar; a koto; a shamisen; a zither
a violin; a viola; a cello; a fiddle; a string section; pizzicato strings; an orchestra; an orchestral hit; a flute
a piccolo; a recorder; a pan flute; an ocarina; a bottle being blown; a tin whistle; a clarinet; an oboe; a bassoon
an English horn; a saxophone; a trumpet; a muted trumpet; a trombone; a tuba; a French horn; a brass section
a bugle; a bagpipe; a didgeridoo; a shakuhachi; a kazoo; a conch; a drum; a bass drum; a kick drum; a snare drum
a tom; a hi-hat; an open hi-hat; a crash cymbal; a ride cymbal; a cymbal; a gong; a timpani; a bongo; a conga
a djembe; a tabla; a taiko; a tambourine; a triangle; a cowbell; a woodblock; claves; castanets; maracas; a shaker
a guiro; an agogo bell; a cabasa; a xylophone; a marimba; a vibraphone; a glockenspiel; tubular bells; a steel drum
a music box; a kalimba; wind chimes; a bell; a church bell; a small bell; a hand bell; sleigh bells; a bell tower
a synthesizer; a synth pad; a synth lead; a synth bass; an 8-bit sound; a vinyl record scratching; a sampler
a theremin; a rock song; heavy metal; jazz; blues; classical music; electronic music; techno; ambient music
folk music; country music; reggae; hip hop; a waltz; a march; dance music; Christmas music; happy music; sad music
scary music; epic battle music
"""

_CATEGORIES = """
animals; birds; insects; wild animals; farm animals; pets; weather; nature; fire; water; vehicles; weapons
explosions; human sounds; speech; voices; singing; musical instruments; string instruments; wind instruments
brass instruments; keyboard instruments; bells; percussion; drums; music; user interface sounds; alerts; alarms
sirens; ambience; background noise; footsteps; impacts; doors; household sounds; kitchen sounds; office sounds
tools; machinery; engines; sports; games; science fiction; cartoon sounds; magic; crowds; traffic; transport
electronic sounds; noise; mechanical sounds; liquids; wood; metal; glass; stone; cloth; paper; plastic
"""

_PLACES = """
in the distance; nearby; outdoors; indoors; in a room; in a large hall; in the street; in a forest; at night
in the rain; at sea; in a kitchen; in the background; in a church; in a tunnel; on a farm; in a city; on a beach
under water; through a wall
"""

_MANNERS = """
loud; soft; distant; deep; high-pitched; low; fast; slow; short; long; repeated; rhythmic; sudden; muffled; echoing
metallic; single
"""

TEMPLATES = (
    "{}",
    "the sound of {}",
    "sound of {}",
    "a recording of {}",
    "{} sound",
    "this is {}",
    "I can hear {}",
    "{} is heard",
)
"""Ways to say the same thing; the text tower is taught to put all of them in one place."""

PAIRINGS = ("{} and {}", "{} while {}", "{} with {} in the background", "{} and then {}", "{} followed by {}")
"""Ways to speak about two sounds at once."""


def _split(block: str) -> list[str]:
    phrases = (phrase.strip() for line in block.splitlines() for phrase in line.split(";"))
    return sorted({phrase for phrase in phrases if phrase})


def event_phrases() -> list[str]:
    """Phrases for single sound events, sorted."""
    return _split(_EVENTS)


def category_names() -> list[str]:
    """Return the names of broad kinds of sound, sorted."""
    return _split(_CATEGORIES)


def place_phrases() -> list[str]:
    """Phrases that say where a sound is heard, sorted."""
    return _split(_PLACES)


def manner_words() -> list[str]:
    """Adjectives that say how a sound sounds, sorted."""
    return _split(_MANNERS)


def without_article(phrase: str) -> str:
    """Drop a leading "a", "an" or "the"."""
    first, _, rest = phrase.partition(" ")
    return rest if first in {"a", "an", "the"} and rest else phrase


def renderings(phrase: str) -> tuple[str, ...]:
    """Return the wordings of a phrase whose mean embedding stands for it."""
    bare = without_article(phrase)
    return (phrase, bare, f"the sound of {phrase}", f"{bare} sound")
