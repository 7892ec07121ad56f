"""Charsets of East Asia that write a letter in two bytes, told apart by the letters that each language is full of."""

from __future__ import annotations

import contextlib
import re

_CHINESE = (
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方"
    "多经么去法学如都同现当没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使"
    "情明性知全三又关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯月话合回特代内信表化"
    "老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几口认条平系气题活尔更别打女变四神总何电数安少报才结反"
    "受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像难且"
    "权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运笔爱歌夜风雨花梦春乐"
    "曲音鸟狗猫雷鼓钟铃唱舞秋冬夏星云雪河湖江火车船街城村林树草石鱼虫牛羊鸡鸭蛙蝉笑哭喊叫录集版演奏琴伤恋泪飞红蓝绿黑京港台"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作裡用道行所然家種事成方"
    "多經麼去法學如都同現當沒動面起看定天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使"
    "情明性知全三又關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯月話合回特代內信表化"
    "老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反"
    "受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像難且"
    "權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運筆愛歌夜風雨花夢春樂"
    "曲音鳥狗貓雷鼓鐘鈴唱舞秋冬夏星雲雪河湖江火車船街城村林樹草石魚蟲牛羊雞鴨蛙蟬笑哭喊叫錄集版演奏琴傷戀淚飛紅藍綠黑京港臺"
)
_KOREAN = (
    "이다는에의가을하고지은로나도한어사리기스인아라들수그자시만해있대서일정부보전과게여것주상원장유국면공제동신관성연안없학방간생"
    "각었구음미모요바우비조선물오영세말화적람경소데내무노교실단드계트당위려마반야발입현행니진결재두개금회문때따강초질달날거치산중"
    "외으식터명체된던들저심운러물양운남북불새별봄여름가을겨울눈물비바람사랑노래밤꿈길집차개고양새소리천둥종북악곡녹음집음반버전"
)
_KANA = "".join(map(chr, range(0x3041, 0x30FD)))
_JAPANESE = _KANA + (
    "日一国会人年大十二本中長出三同時政事自行社見月分議後前民生連五発間対上部東者党地合市業内相方四定今回新場金員九入選立開手"
    "米力学問高代明実円関決子動京全目表戦経通外最言氏現理調体化田当八六約主題下首意法不来作性的要用制治度務強気小七成期公野"
    "協取都和統以機平総加山思家話世受区領多県続進正安設保改数記院女初北午指権心界支第産結百派点教報済書府活原先共得解名交資"
    "予川向際査勝面委告軍文反元重近千考判認画海参売利組知案道信策集在件団別物側任引使求所次水半品昨論計死官増係感特情投示変"
    "打男基私各始島直両朝革価式確村提運終挙果西勢減台広容必応演電歳住争談能無再位置企真流格有疑口過局少放税検藤町常校料沢裁"
    "状工建語球営空職証土与急止送援供可役構木割聞身費付施切由説転食比難防補車優夫研収断井何南石足違消境神番規術護展態導鮮備"
    "宅害配副算視条幹独警宮究育席輸訪楽起万着乗店述残想線率病農州武声質念待試族象銀域助労例衛然早張映限親額監環験追審商葉義"
    "伝働形景落欧担好退準賞訴辺造英被株頭技低毎医復仕去姿味負閣韓渡失移差衆個門写評課末守若脳極種美岡影命含福蔵量望松非撃佐"
    "核観察整段横融型白深字答夜製票況音申様財港識注呼渉達良響阪帰針専推谷古候史天階程満敗管値歌買突兵接請器士光討路悪科攻崎"
    "督授催細効図週積丸他及湾録処省旧室憲太橋歩離岸客風紙激否周師摘材登系批郎母易健黒火戸速存花春飛殺央券赤号単盟座青破編捜"
    "竹除完降超責並療従右修捕隊危採織森競拡故館振給屋介読弁根色友苦就迎走販園具左異歴辞将秋因献厳馬愛幅休維富浜父遺彼般未塁"
    "貿講邦舞林装諸夏素亡劇河遣航抗冷模雄適婦鉄寄益込顔緊類児余禁印逆王返標換久短油妻暴輪占宣背昭廃植熱宿薬伊江清習険頼僚覚"
    "吉盛船倍均億途圧芸許皇臨踏駅署抜壊債便伸留罪停興爆陸玉源儀波創障継筋狙帯延羽努固闘精則葬乱避普散司康測豊洋静善逮婚厚喜"
    "齢囲卒迫略承浮惑崩順紀聴脱旅絶級幸岩練押軽倒了庁博城患締等救執層版老令角絡損房募曲撤裏払削密庭徒措仏績築貨志混載昇池陣"
    "我勤為血遅抑幕居染温雑招奈季困星傷永択秀著徴誌庫弾償刊像功拠香欠更秘拒刑坂刻底賛塚致抱繰服犯尾描布恐寺鈴盤息宇項喪伴遠"
    "養懸戻街巨震願絵希越契掲躍棄欲痛触邸依籍汚縮還枚属笑互複慮郵束仲栄札枠似夕恵板列露沖探逃借緩節需骨射傾届曜遊迷夢巻購揮"
    "君燃充雨閉緒跡包駐貢鹿弱却端賃折紹獲郡併草徹飲貴埼衝焦奪雇災浦暮替析預焼簡譲称肉納樹挑章臓律誘紛貸至宗促慎控贈智握照宙"
    "酒俊銭薄堂渋群銃悲秒操携奥診詰託晴撮誕侵括掛謝双孝刺到駆寝透津壁稲仮暗裂敏鳥純是飯排裕堅訳盗芝綱吸典賀扱顧弘看訟戒祉誉"
    "歓勉奏勧騒翌陽閥甲快縄片郷敬揺免既薦隣悩華泉御範隠冬徳皮哲漁杉里釈己荒貯硬妥威豪熊歯滞微隆埋症暫忠倉昼茶彦肝柱喚沿妙唱"
    "祭袋阿索誠忘襲雪筆吹訓懇浴俳童宝柄驚麻封胸娘砂李塩浩誤剤瀬趣陥斎貫仙慰賢序弟旬腕兼聖旨即洗柳舎偽較覇兆床畑慣詳毛緑尊抵"
    "脅祝礼窓柔茂犬旗距雅飾網竜詩昔繁殿濃翼牛茨潟敵魅嫌魚斉液貧敷擁衣肩圏零酸兄罰怒滅泳礎腐祖幼脚菱荷潮梅泊尽杯僕桜滑孤黄煕"
    "炎賠句寿鋼頑甘臣鎖彩摩浅励掃雲掘縦輝蓄軸巡疲稼瞬捨皆砲軟噴沈誇祥牲秩帝宏唆鳴阻泰賄撲凍堀腹菊絞乳煙縁唯膨矢耐恋塾漏紅慶"
    "猛芳懲剣彰棋丁恒揚冒之倫陳憶潜梨仁克岳概拘墓黙須偏雰卵遇湖諮狭卓亀糧簿炉牧殊殖艦輩穴奇慢鶴謀暖昌拍朗寛覆胞泣隔浄没暇肺"
    "貞靖鑑飼陰銘随烈尋渕稿枝拓穫雷鐘猫虫蛙蝉雀鶏豚狼狐"
)
# Charsets and the letters that are frequent in each; where two fit alike, the first.
_CHARSETS = (
    ("cp932", frozenset(_JAPANESE)),
    ("euc_jp", frozenset(_JAPANESE)),
    ("gb18030", frozenset(_CHINESE)),
    ("cp949", frozenset(_KOREAN)),
    ("big5", frozenset(_TRADITIONAL)),
)
# Shift-JIS without kana, which read as Western text would be nothing but quotes and dashes.
_KANJI = re.compile(rb"(?:[\x88-\x9f][\x40-\xfc]| )+")
_MIN_FREQUENT, _MIN_SHARE = 2, 0.6
_MIN_KANA_SHARE, _MIN_LETTERS = 0.25, 3  # then the others may be rare


def east_asian(written: bytes) -> str | None:
    """Read bytes in the charset of China, Taiwan, Korea or Japan whose frequent letters they hold.

    Returns:
        The text; None where they look like none of these, as short names in rare letters do.
    """
    best: tuple[float, str] | None = None
    for charset, frequent in _CHARSETS:
        try:
            text = written.decode(charset)
        except UnicodeDecodeError:
            continue
        letters = [letter for letter in text if letter >= "\u0100" and letter.isalpha()]
        n_frequent = sum(letter in frequent for letter in letters)
        share = n_frequent / len(letters) if letters else 0.0
        n_kana = sum(letter in _KANA for letter in letters)
        if n_kana >= _MIN_KANA_SHARE * len(letters) and len(letters) >= _MIN_LETTERS and n_frequent >= n_kana > 0:
            share = 1.0
        if charset == "euc_jp" and not n_kana:
            continue  # any text of China or Korea is full of its letters
        if n_frequent >= _MIN_FREQUENT and share >= _MIN_SHARE and (best is None or share > best[0]):
            best = share, text
    if best is None and _KANJI.fullmatch(written):
        with contextlib.suppress(UnicodeDecodeError):
            return written.decode("cp932")
    return None if best is None else best[1]
