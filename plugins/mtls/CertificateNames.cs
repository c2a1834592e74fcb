using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Repr.Security.Mtls;

/// <summary>The names of a certificate's owner (RFC 5280, 4.2.1.6).</summary>
internal static class CertificateNames
{
    private const string AlternativeNames = "2.5.29.17";
    private const string CommonName = "2.5.4.3";

    // GeneralName ::= CHOICE { rfc822Name [1] IA5String, dNSName [2] IA5String, uniformResourceIdentifier [6] IA5String, ... }
    private static readonly Asn1Tag[] s_kinds =
    [
        new(TagClass.ContextSpecific, 6), new(TagClass.ContextSpecific, 1), new(TagClass.ContextSpecific, 2),
    ];

    /// <summary>All names: URIs, e-mail addresses, DNS names, common names.</summary>
    /// <exception cref="AsnContentException">The certificate is malformed.</exception>
    public static IReadOnlyList<string> Of(X509Certificate2 certificate)
    {
        List<(int Order, string Name)> names = [];
        foreach (X509Extension extension in certificate.Extensions.Where(static extension => extension.Oid?.Value == AlternativeNames))
        {
            AsnReader general = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (general.HasData)
            {
                int kind = Array.FindIndex(s_kinds, tag => general.PeekTag().HasSameClassAndValue(tag));
                if (kind >= 0)
                {
                    names.Add((kind, general.ReadCharacterString(UniversalTagNumber.IA5String, s_kinds[kind])));
                }
                else
                {
                    general.ReadEncodedValue();
                }
            }
        }

        return
        [
            .. names.OrderBy(static name => name.Order).Select(static name => name.Name),
            .. certificate.SubjectName.EnumerateRelativeDistinguishedNames(reversed: false)
                .Where(static part => !part.HasMultipleElements && part.GetSingleElementType().Value == CommonName)
                .Select(static part => part.GetSingleElementValue())
                .OfType<string>(),
        ];
    }
}
