"""common_passwords: what is tried first, everywhere: words without the digits and signs that people hang on them."""

from __future__ import annotations

# Neighbors on a keyboard and in the alphabet; read backwards too.
ROWS = (
    "01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm", "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn", "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik", "qazwsxedcrfvtgbyhnujmikolp",
    "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "zaq12wsxcde34rfv", "zaqxswcdevfrbgtnhymju", "1a2b3c4d5e6f7g8h",
    "a1b2c3d4e5f6g7h8", "abc123def456ghi789", "йцукенгшщзхїфівапролджєячсмитьбю", "йцукенгшщзхъфывапролджэячсмитьбю",
    "!@#$%^&*()_+",
)  # fmt: skip

COMMON = frozenset(
    """
    password passwort passw passwd passcode passphrase passme mypassword mypass nopassword thepassword newpassword
    oldpassword password1234 passwordpassword changeme changethis changemenow letmein letmeinnow welcome welcomeback
    welcomehome admin administrator adminadmin superadmin sysadmin root rootroot toor master masterkey superuser user
    username useruser guest guestguest login logmein signin signmein access accessdenied opensesame secret topsecret
    mysecret supersecret private default temporary temp temptemp tempora test testtest testing testtesttest tester
    demo demodemo example sample trial public system manager operator owner office company business computer internet
    server network database oracle postgres postgresql mysql ubuntu debian windows microsoft apple google facebook
    twitter linkedin instagram youtube netflix amazon ebay paypal shopify samsung android iphone nokia motorola lenovo
    qwerty qwertz azerty qwertyqwerty asdf asdfasdf asdfgh zxcvbn zxcvbnm qazwsx qweasd qweasdzxc qweqwe asdasd
    asdasdasd zxczxc qwerasdf qwerzxcv qwer asdzxc iloveyou iloveu iloveme iloveyousomuch loveyou loveme lovely lover
    lovers loveislove forever foreverlove always sweetheart sweetie darling honey babygirl babyboy baby princess
    prince queen king kingdom angel angels heaven destiny fantasy beautiful gorgeous sexy sunshine sunflower sunset
    moonlight starlight stardust rainbow butterfly flower flowers summer summertime winter spring autumn january
    february march april june july august september october november december monday tuesday wednesday thursday friday
    saturday sunday happy happyday smile smiley friend friends friendship family mother father daddy mommy brother
    sister daughter football soccer baseball basketball hockey tennis softball volleyball golf golfer fishing hunting
    racing boxing wrestling swimming running skating surfing dragon monkey tiger lion panther eagle falcon phoenix
    wolf shadow hunter ranger warrior soldier fighter killer ninja samurai pirate knight wizard magic merlin gandalf
    hobbit starwars startrek skywalker darthvader yoda jedi matrix superman batman spiderman ironman hulk avengers
    joker pokemon pikachu naruto minecraft fortnite roblox callofduty halo zelda mario nintendo playstation xbox gamer
    trustno1 trustno trustnoone whatever whocares nothing nobody somebody something anything everything freedom
    liberty america american canada england london paris berlin germany france ukraine ukraina kyiv kiev slavaukraini
    poland polska warszawa russia moscow brazil brasil mexico spain italia italy india pakistan china chinese japan
    tokyo sydney australia dublin ireland newyork chicago boston dallas texas california florida phoenixaz yankees
    cowboys steelers lakers redsox patriots eagles liverpool arsenal chelsea manchester manutd barcelona realmadrid
    juventus ferrari porsche mercedes mustang corvette camaro harley yamaha honda toyota nissan subaru bmw audi volvo
    jaguar michael jennifer jessica michelle nicole ashley amanda andrea daniel danielle andrew anthony thomas robert
    william richard charles charlie george jordan joshua justin matthew christian christopher christine christina
    elizabeth alexander alexandra alexis benjamin samantha stephanie rebecca rachel victoria patricia patrick natasha
    vanessa veronica melissa jasmine jackson harrison austin taylor morgan cameron maggie ginger buster pepper bailey
    cookie cookies chocolate cheese pizza banana orange apples strawberry cherry peanut butter coffee whiskey guinness
    heineken budweiser computer1 diamond diamonds silver golden crystal purple yellow orange1 black blackie white
    green bluebird redrose metallica nirvana slipknot eminem beatles elvis madonna rockstar rocknroll music guitar
    dancer dance blink182 jesus jesuschrist christ godisgood blessed blessing faith hope grace church bible trinity
    genesis buddha krishna scooter biteme fuckyou fuckoff fuckme asshole bitch pussy bullshit dragonball dragonfly
    thunder lightning hurricane tornado mountain ocean river thunderbird firebird snowball snowflake snoopy scooby
    tigger mickey mickeymouse donald donaldduck bubbles bubba barney garfield simpsons homer bond007 jamesbond
    doorstep warehouse shipping logistics fulfillment fulfilment storefront inventory orders parcel
    """.split()
)
