/** What the texts of made-up creatives are put together from: two products of one kind share most of their words, as real ones do. */
export interface Language {
  /** As Google detects it: two letters, or five. */
  codes: readonly string[];
  /** `{name}` is the product, `{thing}` what it sells; some headlines name no product. */
  headlines: readonly string[];
  bodies: readonly string[];
  calls: readonly string[];
}

export const languages: Readonly<Record<string, Language>> = {
  en: {
    codes: ["en", "en", "en_US", "en_GB"],
    headlines: ["{name}: {thing}", "Get {name} today", "{name} is here", "New: {thing}", "Have you tried {name}?"],
    bodies: [
      "{thing} that thousands enjoy every day. No strings attached.",
      "{name} brings you {thing}. Only this week.",
      "Free to start. {thing} wherever you are.",
    ],
    calls: ["Install now", "Learn more", "Get started"],
  },
  pt: {
    codes: ["pt", "pt_BR", "pt_BR"],
    headlines: ["{name}: {thing}", "Baixe {name} hoje", "{name} chegou", "Novo: {thing}", "Já conhece {name}?"],
    bodies: [
      "{thing} que milhares usam todos os dias. Sem compromisso.",
      "{name} traz {thing}. Somente esta semana.",
      "Comece de graça. {thing} onde você estiver.",
    ],
    calls: ["Instalar agora", "Saiba mais", "Começar"],
  },
  es: {
    codes: ["es", "es", "es_MX"],
    headlines: ["{name}: {thing}", "Descarga {name} hoy", "{name} ya está aquí", "Nuevo: {thing}", "¿Conoces {name}?"],
    bodies: [
      "{thing} que miles disfrutan cada día. Sin compromiso.",
      "{name} te trae {thing}. Solo esta semana.",
      "Empieza gratis. {thing} donde estés.",
    ],
    calls: ["Instalar ahora", "Más información", "Empezar"],
  },
  de: {
    codes: ["de", "de_DE"],
    headlines: ["{name}: {thing}", "Hol dir {name}", "{name} ist da", "Neu: {thing}", "Kennst du {name}?"],
    bodies: [
      "{thing}, jeden Tag von Tausenden genutzt. Ganz unverbindlich.",
      "{name} bringt dir {thing}. Nur diese Woche.",
      "Kostenlos starten. {thing}, wo immer du bist.",
    ],
    calls: ["Jetzt installieren", "Mehr erfahren", "Loslegen"],
  },
  fr: {
    codes: ["fr", "fr_FR"],
    headlines: ["{name} : {thing}", "Essayez {name}", "{name} arrive", "Nouveau : {thing}", "Connaissez-vous {name} ?"],
    bodies: [
      "{thing}, choisi chaque jour par des milliers de personnes.",
      "{name} vous offre {thing}. Cette semaine seulement.",
      "Commencez gratuitement. {thing} partout avec vous.",
    ],
    calls: ["Installer", "En savoir plus", "Commencer"],
  },
  id: {
    codes: ["id"],
    headlines: [
      "{name}: {thing}",
      "Unduh {name} hari ini",
      "{name} sudah hadir",
      "Baru: {thing}",
      "Sudah coba {name}?",
    ],
    bodies: [
      "{thing} yang dinikmati ribuan orang setiap hari.",
      "{name} memberi Anda {thing}. Hanya minggu ini.",
      "Mulai gratis. {thing} di mana saja.",
    ],
    calls: ["Pasang sekarang", "Pelajari", "Mulai"],
  },
  ar: {
    codes: ["ar"],
    headlines: ["{name}: {thing}", "حمّل {name} اليوم", "{name} هنا الآن", "جديد: {thing}"],
    bodies: ["{thing} يستخدمها الآلاف كل يوم.", "{name} يقدم لك {thing}. هذا الأسبوع فقط."],
    calls: ["ثبّت الآن", "اعرف المزيد"],
  },
  ja: {
    codes: ["ja"],
    headlines: ["{name}：{thing}", "今すぐ{name}", "{name}登場", "新登場：{thing}"],
    bodies: ["毎日たくさんの人が{thing}を楽しんでいます。", "{name}で{thing}。今週だけ。"],
    calls: ["インストール", "詳しく見る"],
  },
};

export interface Vertical {
  /** Google's product category ids, made up here. */
  category: string;
  things: Readonly<Record<string, readonly string[]>>;
}

export const verticals: Readonly<Record<string, Vertical>> = {
  puzzle: {
    category: "11007",
    things: {
      en: ["2,000 relaxing block puzzles", "brain teasers for a quiet evening", "levels that get harder and harder"],
      pt: ["2.000 quebra-cabeças de blocos", "desafios para relaxar a mente", "fases cada vez mais difíceis"],
      es: ["2.000 rompecabezas de bloques", "retos para relajar la mente", "niveles cada vez más difíciles"],
      ja: ["2000のブロックパズル", "頭を休めるパズル"],
    },
  },
  strategy: {
    category: "11012",
    things: {
      en: ["build a city and defend its walls", "a world of kings, alliances and wars", "raise your own farm and town"],
      de: ["baue deine Stadt und verteidige sie", "eine Welt voller Könige und Bündnisse"],
      fr: ["bâtissez votre ville et défendez-la", "un monde de rois et d'alliances"],
      pt: ["construa sua cidade e defenda-a", "cuide da sua própria fazenda"],
    },
  },
  casino: {
    category: "10031",
    things: {
      en: ["500 free spins to welcome you", "slots, roulette and live tables", "a jackpot that grows every minute"],
      es: ["500 giros gratis de bienvenida", "tragamonedas, ruleta y mesas en vivo", "un bote que crece cada minuto"],
      pt: ["500 giros grátis de boas-vindas", "caça-níqueis, roleta e mesas ao vivo"],
    },
  },
  finance: {
    category: "10756",
    things: {
      en: ["a loan decision in five minutes", "an account without monthly fees", "send money abroad at the real rate"],
      pt: ["uma conta sem mensalidade", "crédito aprovado em cinco minutos", "pix e cartão em um só lugar"],
      de: ["ein Konto ohne Monatsgebühr", "Kredit in fünf Minuten entschieden", "Festgeld zu festen Zinsen"],
    },
  },
  fashion: {
    category: "10178",
    things: {
      en: ["up to 60% off the summer collection", "handmade linen for every season", "running shoes at outlet prices"],
      fr: ["jusqu'à 60 % sur la collection d'été", "du lin fait main pour chaque saison"],
      es: ["hasta 60% en la colección de verano", "zapatillas a precio de fábrica"],
      pt: ["até 60% na coleção de verão", "móveis e tecidos para a casa toda"],
    },
  },
  travel: {
    category: "10074",
    things: {
      en: ["flights from 19 a way", "hotels with free cancellation", "island ferries in one click"],
      de: ["Flüge ab 19 pro Strecke", "Hotels mit kostenloser Stornierung"],
      es: ["vuelos desde 19 por trayecto", "hoteles con cancelación gratuita"],
      fr: ["des ferries vers les îles en un clic", "des hôtels avec annulation gratuite"],
    },
  },
  streaming: {
    category: "10024",
    things: {
      en: ["series and films without ads", "live football every weekend"],
      es: ["series y películas sin anuncios", "fútbol en vivo cada fin de semana"],
      pt: ["séries e filmes sem anúncios", "futebol ao vivo todo fim de semana"],
    },
  },
  food: {
    category: "10047",
    things: {
      en: ["a hot dinner in 25 minutes", "free delivery on your first three orders"],
      id: ["makan malam tiba dalam 25 menit", "gratis ongkir untuk tiga pesanan pertama", "belanja harian lebih murah"],
    },
  },
  learning: {
    category: "10110",
    things: {
      en: ["a new language in ten minutes a day", "lessons that feel like a game"],
      ar: ["لغة جديدة في عشر دقائق يوميا", "دروس ممتعة مثل اللعب"],
      ja: ["一日十分で新しい言葉", "ゲームのようなレッスン"],
    },
  },
  health: {
    category: "10052",
    things: {
      en: ["home workouts without equipment", "a plan that fits your week"],
      de: ["Workouts ohne Geräte", "ein Plan, der in deine Woche passt"],
    },
  },
  home: {
    category: "10200",
    things: { en: ["gutters that never clog again", "a free estimate from a local expert"] },
  },
};
