"""Words whose capitals carry meaning, and words in capitals that are the same in lower case.

The lists are general vocabulary. A word that is missing here only shares its identity with its
lower-case spelling; a word that is here without need only costs an exact hit.
"""

from shared.text import word_set

CASE_INSENSITIVE_WORDS = word_set(
    # Acronyms. Those of three or more letters without a vowel need no entry.
    "abc adhd ai aka api asap atm aws bbc bios ceo cfo cpa cpu cto cv cve dj dna diy ecg ekg epa"
    " etf faq fbi fda fifa gdp gif gmat gpa gpu gre gui hdmi hiv hr iban icu id iit imap imax imf"
    " ios iot ip ipo iq iras irs isbn iso isp isro ivf jpeg json kpi kpmg mba mri nasa nato nba"
    " nda neet nyc nyu ocd ocr oecd ok oled opec osha paas pc rna saas seo spf ssd suv tv uae ucla"
    " udp uefa ufc ufo ugc uk unix upsc url uri usa usb usd ussr utf uuid ux vr wwii xbox yaml"
    " \u043d\u0430\u0442\u043e \u043e\u043e\u043d \u0441\u0448\u0430 \u0442\u0432 gcse gerd mrsa"
    " ngo otc pcos tefl usps uti jee cbse rbi sbi kvpy cfa imei eeg emea erp wlan lgbt mlb nhl"
    " hba1c"
    # Names with capitals inside.
    " airpods autocad btech chatgpt deepmind devops dropbox ebay ebook ecommerce edtech facebook"
    " facetime fedex github gitlab gmbh graphql hubspot icloud imac imessage imovie ipad iphone"
    " ipod itunes javascript jquery lebron linkedin macbook macos mastercard mongodb mrna msc"
    " mtech mysql nodejs nosql onedrive onenote openai paypal phd playstation postgresql"
    " powerpoint powershell pytorch quickbooks sharepoint snapchat spacex sqlite tensorflow tiktok"
    " trna turbotax typescript virtualbox vmware voip vp wechat whatsapp wifi wordpress bsc youtube"
    " youtuber"
    # Words that are written in capitals for emphasis.
    " not any only must very ever when what why how both else god lord love hope joy sin"
)
"""Words with the same meaning in lower case: NASA, iPhone, and NOT for emphasis."""

ABBREVIATIONS = word_set(
    "u.s u.s.a u.k u.n u.a.e a.m p.m d.c ph.d m.d b.c b.sc m.sc b.tech m.tech node.js vue.js co2"
    " h2o mp3 mp4 ps4 ps5 b2b b2c q1 q2 q3 q4 b12 covid19 ww1 ww2 r&d q&a m&a h1n1 s3 ec2 k8s p2p"
)
"""Abbreviations with a dot, digit or ampersand that are the same in lower case."""

LONG_ACRONYMS = word_set(
    "aware basic chips cobra crisp dream eagle image latex mercy order patriot pride prism scale"
    " smart solid spark spice swift tense titan track trips trust tulip wasps"
)
"""Acronyms of five or more letters that are other words in lower case: SMART and smart."""

_NAMES = word_set(
    # Months, countries, nations and places.
    "may march august polish turkey turkeys china chad jordan georgia guinea jersey cuba chile"
    " lima nice bath reading cork split brazil japan bali niger mali greek hungary dutch danish"
    " swede welsh scotch scots rugby derby manila morocco panama java columbia phoenix buffalo"
    " orange mobile boulder flint wells battle sandwich deal hull essen oder rhone tours brest"
    " angers slough lent pole poles finn finns cologne oriental swiss turkish afghan alps delta"
    " wales poland dover concord providence roswell"
    # Given and family names.
    " mark marks will wills bill bills bob jack job rob robin rod rich pat peg penny frank grant"
    " art chase chuck cliff dale dean don drew duke earl ed gene glen guy hank harry herb jay"
    " jimmy josh ken lance lane lee max miles mike nick norm otto pierce ray reed rex rusty sandy"
    " sonny stew sue sally ted tony victor wade ward woody abbey faith hope grace joy amber angel"
    " april autumn barb bea beth carol cat cherry clay colt crystal daisy dawn dolly dot eve fanny"
    " fern flora florence gale gay ginger hazel heather holly honey iris ivy jade jasmine jean"
    " jewel june kitty laurel lily lotus mercy merry misty olive opal patience pearl pepper pippa"
    " poppy prudence raven ruby sage savannah scarlet skye summer terry tiffany verity viola"
    " violet willow winter wren baker barber bishop brook brooks brown bush butler carpenter"
    " carter cook cooper cox cruise dick eastwood farmer field fields fisher ford foster fox gates"
    " gore green hall hart hawking heath hill hood hooker hunt hunter jobs kings knight little"
    " mason miller moody moon moore newton page paige park parker parks piper pitt pope porter"
    " potter pound powers price rice ridge rivers rock rush sanders savage sharp shepherd singer"
    " spears spencer stein stone street swift taylor thatcher tiger tucker turner tyler walker"
    " waters watt watts weaver webb west wise wolf wolfe wood woods wright watson trump bacon"
    " balls bean berry bell blair bolt bond boots bowie archer banks bliss bloom bragg bright bull"
    " burns chance chandler chip crane crow curry dash destiny drake fawn finch flowers frost gray"
    " grey grove harmony hawk haven hays jolly journey justice lamb lark liberty marigold marsh"
    " marshall melody myrtle noble nova pansy parish pike pink primrose rain reef rocky root"
    " basil buck bud charity coral ham kit lot marina moss pip sherry skip sterling tad tansy zip"
    " rosemary rose rosie serenity silver sky snow sparks starling steel stern stormy strange"
    " sunny trinity tripp twain unity usher wheeler wing brandy candy bonnie bunny buddy dusty"
    " baron bailey dexter hardy mackerel randy trace vance wynn"
    # Books of the Bible, faiths and denominations.
    " acts numbers judges proverbs revelation catholic orthodox reformed lutheran mass quaker"
    " shakers"
    # Firms, products and programming languages.
    " apple amazon shell target gap oracle word excel access outlook windows teams edge meta"
    " alphabet chrome safari slack zoom square stripe uber lift box dropbox discord signal notion"
    " subway dove tide puma jaguar ram dodge visa discover sprint mini fiat polo go rust python"
    " perl basic scratch julia dart elm elixir scheme racket lisp spark kafka flask express react"
    " angular rails spring docker helm puppet chef salt vault ant maven nexus bash fish maple"
    " mercury venus earth mars saturn pluto neptune kindle pages keynote bing echo brave opera"
    " eclipse atom nano sass monster medium ghost crush corona storm flow beam hive pig drill"
    " druid falcon ember vue nest flux swarm rancher consul nomad packer vagrant cypress jest"
    " mocha karma cucumber bootstrap maps bear drafts craft sheets dell galaxy prime tinder node"
    " mint mac pixel canon virgin fortune yahoo razor arrow flash surface teller wedge"
    # Bands, newspapers, journals and parties.
    " who cure kiss police times guardian economist telegraph observer mirror nature science cell"
    " conservative conservatives liberal liberals labour democratic"
)
"""Names: Turkey is not a turkey, and Job is not a job."""

_GERMAN = word_set(
    "sie ihr ihre ihren ihrem ihrer ihres ihnen weg arm reich recht liebe lieben leben morgen"
    " laut dank kraft statt trotz zeit angst schuld leid ernst essen trinken weise gut gute guten"
    " alt alte heide kosten reisen rufen fliegen regen spinnen dichter fest fester stolz wert arme"
    " armen kranke gefangene geliebte verwandte bekannte heilige junge jungen wagen acht grau"
    " spiel ehe sein macht floh spinne kochen sucht teil hof bitte wirt wohl paar lauter greis"
    " fern schwarz liegen scheiden dichten w\u00fcrde w\u00fcrden rasen laden laster reifen taten"
    " weine wiegen lache"
)
"""German words with another meaning or class in lower case: Sie and sie, Weg and weg."""

_OTHER_LANGUAGES = word_set(
    # Romance languages.
    "papa santa estado iglesia pays etat \u00e9tat bourse madeleine pierre lune orient lei loro"
    " luz mar rosa dolores esperanza cruz le\u00f3n granada col\u00f3n \u00e1ngel stella gioia"
    " potenza porto natal"
    # Turkish.
    " m\u0131s\u0131r deniz bar\u0131\u015f umut ordu g\u00fcl y\u0131ld\u0131z g\u00fcne\u015f"
    " bahar sava\u015f toprak van"
    # Russian and Greek.
    " \u043b\u0435\u0432 \u0432\u0435\u0440\u0430 \u043d\u0430\u0434\u0435\u0436\u0434\u0430"
    " \u043b\u044e\u0431\u043e\u0432\u044c \u0440\u043e\u043c\u0430\u043d \u043e\u0440\u0451\u043b"
    " \u03b5\u03b9\u03c1\u03ae\u03bd\u03b7 \u03b1\u03b3\u03ac\u03c0\u03b7"
    " \u03b5\u03bb\u03c0\u03af\u03b4\u03b1"
)

UNITS = word_set(
    "pw nw mw gw pj nj mj na ka mv kv pv pf nf mf ph mh ns ps mm nm ml mg pg ng kg mt kt gb kb mb"
    " tb pb eb zb yb kib mib gib tib gbs kbs mbs kbit mbit gbit kbps mbps gbps tbps mhz phz mpa"
    " mol mmol kcal db dba mwh gwh kwh mah mva kva mn kn gy sv msv ev mev kev gev sr lm lx wb mbar"
    " kj jg msec mcal mwatt mohm mvolt mvar"
)
"""Units that another spelling of their capitals makes another unit: mW and MW, Mb and MB."""

SYMBOLS = word_set("in as at be co no np os po cs sn sc hf si cu ca ni hp cd rad cal bar bit var")
"""Chemical symbols and units that are also words or formulas: Co is not CO."""

CASE_SENSITIVE_WORDS = _NAMES | _GERMAN | _OTHER_LANGUAGES | UNITS | SYMBOLS
"""Lower-case forms of the words whose capitals are part of a question's identity."""
