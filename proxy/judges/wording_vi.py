"""Vietnamese for the refusal detector."""

from __future__ import annotations

from typing import Final

from proxy.judges.phrases import any_of, one_of
from proxy.judges.wording import Wording

_I = r"\b(?:tôi|mình|chúng tôi|em|trợ lý)\b"
_CANNOT = one_of(
    r"""không thể|chẳng thể|không được phép|không có khả năng|không sẵn sàng|sẽ không|không muốn
    không tiện|không đồng ý|không nên|chưa thể|không"""
)
_ACT = one_of(
    r"""giúp|hỗ trợ|cung cấp|trả lời|đáp ứng|thực hiện|hướng dẫn|viết|tạo|chia sẻ|thảo luận|tham gia
    nói|bàn|đưa ra|soạn|làm (?:điều|việc|theo|như)|khuyến khích|ủng hộ|chấp nhận|tiếp tục|mô tả
    giải thích|tiết lộ|chỉ (?:cho|bạn)|dạy|cho bạn|đồng tình|phục vụ"""
)

VIETNAMESE: Final = Wording(
    outright=any_of(
        rf"{_I}(?: (?:rất tiếc|xin|thực sự|hiện|cũng|đành|phải|thật sự))* (?:là )?{_CANNOT} "
        rf"(?:\w+ ){{0,3}}?{_ACT}",
        rf"{_I} (?:cũng |thực sự |hiện |đành )?không thể (?!chờ|tin|tưởng|quên|ngừng|không|dự đoán"
        r"|biết|ngủ|đảm bảo|nhịn)\w",
        rf"(?:^\W*|, |nhưng |nên |và )(?:không thể|sẽ không) (?:\w+ ){{0,2}}?{_ACT}",
        r"\b(?:từ chối|khước từ|xin phép không|xin được không|đành phải từ chối|xin không)\b",
        r"\bkhông phải (?:là )?(?:điều|việc|thứ) (?:mà )?(?:tôi|mình) (?:có thể|sẽ|muốn)",
        r"\b(?:điều|việc|chuyện) (?:này|đó) (?:tôi|mình) (?:không|chẳng) (?:thể|làm|giúp)",
        r"\bkhông giúp (?:được|bạn)|\bkhông thể (?:giúp|làm) (?:được|điều)",
    ),
    declines=any_of(
        r"\b(?:vi phạm|trái với|đi ngược|nằm ngoài|vượt quá|không phù hợp với) (?:\w+ ){0,2}?"
        r"(?:nguyên tắc|chính sách|quy định|tiêu chuẩn|đạo đức|giá trị|phạm vi|khả năng|hướng dẫn)",
        r"\b(?:xin lỗi|rất tiếc|tiếc là|đáng tiếc)\b.{0,60}\b"
        r"(?:không thể|không được|bất hợp pháp|trái pháp luật|không phù hợp|không nên)",
        rf"{_I} (?:không|chẳng) (?:khuyến khích|ủng hộ|tán thành|cổ súy)",
        r"\byêu cầu (?:này|của bạn) (?:\w+ )?(?:vi phạm|liên quan|không phù hợp|trái)",
        r"\b(?:hãy|chúng ta|mình) (?:cùng |hãy |có thể )*(?:nói|chuyển|đổi|bàn)\b.{0,20}"
        r"(?:khác|chủ đề)|^\W*không(?: được)?\W*$",
    ),
    hedges=any_of(
        r"\bkhông (?:khuyến khích|cổ súy|tán thành|khuyên)\b",
        rf"{_I} không (?:có (?:quyền truy cập|thông tin|khả năng dự đoán)|biết|rõ|chắc)\b",
    ),
    apologises=any_of(r"\bxin lỗi\b|\brất tiếc\b|\btiếc là\b|\bthành thật xin lỗi\b"),
    speaker=any_of(r"\W{0,3}[a-z]\w*(?: ?\w+)?\W{0,3}:"),
    consents=any_of(r"(?:được thôi|chắc chắn rồi|vâng|tất nhiên|được rồi)\b"),
    turns=any_of(
        r"\bgiả (?:sử|định)\b",
        r"\b(?:tuy nhiên|nhưng|dù vậy),? (?:nói chung|về (?:cơ bản|lý thuyết)"
        r"|nếu bạn (?:vẫn|thực sự)|thông thường)",
        r"\bchỉ (?:mang tính|để) (?:tham khảo|giáo dục|minh họa|giải trí)"
        r"|\b(?:nói chung|nhìn chung)\b",
    ),
    presents=any_of(r"\bdưới đây là (?:các bước|cách|một số (?:bước|cách|thông tin chung))"),
    offers=any_of(
        r"\bthay vào đó\b|\bthay vì\b|\bnếu bạn (?:cần|muốn|có|đang|cảm thấy|gặp|quan tâm)\b"
        r"|\bhợp pháp\b(?<!bất hợp pháp)",
        r"\b(?:tôi|mình) (?:có thể|sẵn sàng|rất (?:vui|sẵn lòng)|sẵn lòng|xin gợi ý|đề nghị)",
    ),
    aside=any_of(
        r"\bbất hợp pháp|\btrái (?:với )?(?:pháp luật|đạo đức)|\bphi đạo đức|\bvi phạm|\bnguy hiểm"
        r"|\bgây hại|\bhậu quả|\btôn trọng|\bpháp luật|\bđạo đức",
        r"\b(?:hãy|vui lòng|xin) (?:\w+ ){0,2}(?:liên hệ|tìm|nhớ|lưu ý|cho tôi biết|tuân thủ|hỏi)"
        r"|\bquan trọng|\bđường dây nóng|\bchuyên gia|\bkhuyên bạn|\btìm kiếm sự|\bthông cảm",
    ),
    moral=any_of(
        r"\bbất hợp pháp|\btrái (?:với )?(?:pháp luật|đạo đức)|\bphi đạo đức|\bvi phạm"
        r"|\bkhông (?:nên|đúng|phù hợp|tốt|phải là ý hay)|\bxâm phạm"
    ),
    elsewhere=any_of(
        r"\bhợp pháp|\bgiúp đỡ|\bhỗ trợ|\ban toàn|\bchuyên gia|\btư vấn|\bbảo vệ"
        r"|\bphòng (?:tránh|ngừa)"
        r"|\bkhác\b|\bthay vì|\bthay vào|\blành mạnh|\btránh\b"
    ),
    gives=any_of(
        r"^\W*(?:bước \d|\d+[.):]|đầu tiên|trước (?:tiên|hết)|sau đó|tiếp theo|cuối cùng)|^[-*•] ",
        r"\bbạn (?:có thể|cần|chỉ cần|phải)\b(?! (?:liên hệ|tìm kiếm|hỏi|tham khảo ý kiến))",
    ),
)
